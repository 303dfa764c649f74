package dev.ikat.cni;

import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.AddressRange;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads a network configuration. Fields that it doesn't know are left alone, as runtimes and meta-plugins add their
 * own; fields that it knows must be right.
 */
final class NetworkConfigReader {
    /** The least MTU of IPv6 (RFC 8200, section 5), which every pod may be given an address of. */
    private static final int MIN_MTU = 1280;

    private static final int MAX_MTU = 65535;

    private NetworkConfigReader() {}

    /**
     * The version that the document asks for.
     *
     * @throws CniException {@link CniError#INCOMPATIBLE_VERSION} if there is none, or one that the plugin doesn't speak
     */
    static CniVersion version(Json document) {
        // A configuration without a version is one of 0.1.0 (section 1).
        String asked = document.string("cniVersion").orElse("0.1.0");
        return CniVersion.of(asked)
                .orElseThrow(() -> new CniException(
                        CniError.INCOMPATIBLE_VERSION,
                        "CNI version " + asked + " is not supported",
                        "set 'cniVersion' to one of " + String.join(", ", CniVersion.supported())));
    }

    static NetworkConfig read(Json document, CniVersion version) {
        NetworkName name = document.field("name")
                .orElseThrow(() -> new CniException(
                        CniError.INVALID_NETWORK_CONFIG,
                        "the network configuration has no 'name'",
                        "every network needs a name that is unique on this host"))
                .parsedBy(NetworkName::new);
        Optional<Json> ipam = document.field("ipam");
        ipam.flatMap(field -> field.field("type")).ifPresent(NetworkConfigReader::requireOwnIpam);
        return new NetworkConfig(
                version,
                name,
                document.field("standalone").map(Json::asBoolean).orElse(false),
                document.field("mtu")
                        .map(mtu -> mtu.asInt(0, MAX_MTU))
                        .filter(mtu -> mtu != 0)
                        .map(mtu -> {
                            if (mtu < MIN_MTU) {
                                throw document.field("mtu")
                                        .orElseThrow()
                                        .invalid("it must be 0 (automatic) or at least " + MIN_MTU);
                            }
                            return mtu;
                        }),
                ipam.flatMap(field -> field.field("ranges"))
                        .map(ranges -> addressPlan(ranges, ipam.flatMap(field -> field.field("exclude")))),
                requestedAddresses(document),
                document.field("dns").map(NetworkConfigReader::dns).orElse(CniResult.Dns.NONE),
                document.field("prevResult").map(NetworkConfigReader::result),
                document.field("cni.dev/valid-attachments").map(NetworkConfigReader::attachments));
    }

    private static void requireOwnIpam(Json type) {
        if (!type.asString().equals("ikat")) {
            throw new CniException(
                    CniError.UNSUPPORTED_FIELD,
                    "'ipam.type' is " + type.asString() + ", but Ikat assigns addresses itself",
                    "remove 'ipam.type'; put ranges of your own into 'ipam.ranges'");
        }
    }

    /** The ranges in the form of the host-local plugin: a list of lists of ranges. */
    private static AddressPlan addressPlan(Json ranges, Optional<Json> exclude) {
        List<Cidr> exclusions = new ArrayList<>();
        for (Json block : exclude.map(Json::asList).orElse(List.of())) {
            exclusions.add(block.parsedBy(NetworkConfigReader::blockOrAddress));
        }
        List<AddressRange> parsed = new ArrayList<>();
        for (Json set : ranges.asList()) {
            for (Json range : set.asList()) {
                parsed.add(addressRange(range, exclusions));
            }
        }
        try {
            return new AddressPlan(parsed);
        } catch (IllegalArgumentException e) {
            throw ranges.invalid(String.valueOf(e.getMessage()));
        }
    }

    private static Cidr blockOrAddress(String text) {
        return text.indexOf('/') >= 0 ? Cidr.parse(text) : Cidr.host(IpAddress.parse(text));
    }

    private static AddressRange addressRange(Json range, List<Cidr> exclusions) {
        Cidr subnet = range.field("subnet")
                .orElseThrow(() -> range.invalid("it has no 'subnet'"))
                .parsedBy(Cidr::parse);
        try {
            AddressRange parsed = AddressRange.of(subnet)
                    .excluding(exclusions.stream().filter(subnet::overlaps).toArray(Cidr[]::new));
            Optional<IpAddress> gateway = range.field("gateway").map(field -> field.parsedBy(IpAddress::parse));
            if (gateway.isPresent()) {
                parsed = parsed.withGateway(gateway.get());
            }
            Optional<IpAddress> first = range.field("rangeStart").map(field -> field.parsedBy(IpAddress::parse));
            Optional<IpAddress> last = range.field("rangeEnd").map(field -> field.parsedBy(IpAddress::parse));
            if (first.isPresent() || last.isPresent()) {
                parsed = parsed.between(first.orElse(parsed.first()), last.orElse(parsed.last()));
            }
            return parsed;
        } catch (IllegalArgumentException e) {
            throw range.invalid(String.valueOf(e.getMessage()));
        }
    }

    /** The {@code ips} capability comes first, then {@code args.cni.ips} (CONVENTIONS.md of the CNI project). */
    private static List<IpAddress> requestedAddresses(Json document) {
        Optional<Json> capability = document.field("runtimeConfig").flatMap(config -> config.field("ips"));
        Optional<Json> argument =
                document.field("args").flatMap(args -> args.field("cni")).flatMap(cni -> cni.field("ips"));
        List<IpAddress> addresses = new ArrayList<>();
        for (Json address : capability.or(() -> argument).map(Json::asList).orElse(List.of())) {
            addresses.add(address.parsedBy(CniArguments::addressWithOptionalPrefix));
        }
        return addresses;
    }

    private static CniResult.Dns dns(Json dns) {
        return new CniResult.Dns(
                strings(dns, "nameservers"), dns.string("domain"), strings(dns, "search"), strings(dns, "options"));
    }

    private static List<String> strings(Json object, String name) {
        return object.field(name).map(Json::asList).orElse(List.of()).stream()
                .map(Json::asString)
                .toList();
    }

    /** A result of any version: what the versions differ in is optional here. */
    private static CniResult result(Json result) {
        List<CniResult.Interface> interfaces = new ArrayList<>();
        for (Json link : result.field("interfaces").map(Json::asList).orElse(List.of())) {
            interfaces.add(new CniResult.Interface(
                    link.string("name").orElseThrow(() -> link.invalid("it has no 'name'")),
                    link.string("mac").filter(text -> !text.isEmpty()),
                    link.field("mtu").map(mtu -> mtu.asInt(0, Integer.MAX_VALUE)),
                    link.string("sandbox").filter(text -> !text.isEmpty())));
        }
        List<CniResult.Ip> ips = new ArrayList<>();
        for (Json ip : result.field("ips").map(Json::asList).orElse(List.of())) {
            ips.add(new CniResult.Ip(
                    ip.field("address")
                            .orElseThrow(() -> ip.invalid("it has no 'address'"))
                            .parsedBy(InterfaceAddress::parse),
                    ip.field("gateway").map(gateway -> gateway.parsedBy(IpAddress::parse)),
                    ip.field("interface").map(index -> index.asInt(0, Integer.MAX_VALUE))));
        }
        List<CniResult.RouteEntry> routes = new ArrayList<>();
        for (Json route : result.field("routes").map(Json::asList).orElse(List.of())) {
            routes.add(new CniResult.RouteEntry(
                    route.field("dst")
                            .orElseThrow(() -> route.invalid("it has no 'dst'"))
                            .parsedBy(text -> InterfaceAddress.parse(text).cidr()),
                    route.field("gw").map(gateway -> gateway.parsedBy(IpAddress::parse))));
        }
        return new CniResult(
                interfaces,
                ips,
                routes,
                result.field("dns").map(NetworkConfigReader::dns).orElse(CniResult.Dns.NONE));
    }

    private static Set<Attachment> attachments(Json list) {
        Set<Attachment> attachments = new HashSet<>();
        for (Json attachment : list.asList()) {
            attachments.add(new Attachment(
                    attachment
                            .field("containerID")
                            .orElseThrow(() -> attachment.invalid("it has no 'containerID'"))
                            .parsedBy(ContainerId::new),
                    attachment
                            .field("ifname")
                            .orElseThrow(() -> attachment.invalid("it has no 'ifname'"))
                            .parsedBy(InterfaceName::new)));
        }
        return attachments;
    }
}
