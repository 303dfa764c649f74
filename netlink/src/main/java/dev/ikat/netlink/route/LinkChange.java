package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.MessageWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Changes of a link; see {@link Requests#change(LinkChange)}. Immutable: each method returns a new change. The kernel
 * applies the parts of one change in an order of its own (namespace, address, MTU, group, name, alias, up or down,
 * master), and keeps those that it applied before one fails.
 */
public final class LinkChange {
    /** IFALIASZ (linux/if.h in the kernel) without the terminating zero. */
    public static final int MAX_ALIAS_BYTES = 255;

    private final int index;
    private final Optional<InterfaceName> name;
    private final int flags;
    private final int mask;
    private final Optional<NetworkNamespace> namespace;
    private final List<Part> parts;

    private record Part(String description, Consumer<MessageWriter> attribute) {}

    private LinkChange(
            int index,
            Optional<InterfaceName> name,
            int flags,
            int mask,
            Optional<NetworkNamespace> namespace,
            List<Part> parts) {
        this.index = index;
        this.name = name;
        this.flags = flags;
        this.mask = mask;
        this.namespace = namespace;
        this.parts = parts;
    }

    /** No change yet, of the link with this index. */
    public static LinkChange of(int index) {
        return new LinkChange(index, Optional.empty(), 0, 0, Optional.empty(), List.of());
    }

    /**
     * No change yet, of the link with this name: for a link that the same batch creates, whose index is not known yet.
     */
    public static LinkChange of(InterfaceName name) {
        return new LinkChange(0, Optional.of(name), 0, 0, Optional.empty(), List.of());
    }

    /** Also set it up. */
    public LinkChange up() {
        return flag("up", LinkMessage.IFF_UP, LinkMessage.IFF_UP);
    }

    /** Also set it down. */
    public LinkChange down() {
        return flag("down", LinkMessage.IFF_UP, 0);
    }

    /**
     * Also turn off ARP and neighbour discovery: the link neither asks for link-layer addresses, nor answers, nor
     * learns them.
     */
    public LinkChange noArp() {
        return flag("noarp", LinkMessage.IFF_NOARP, LinkMessage.IFF_NOARP);
    }

    private LinkChange flag(String description, int flag, int value) {
        LinkChange described = plus(description, message -> {});
        return new LinkChange(index, name, (flags & ~flag) | value, mask | flag, namespace, described.parts);
    }

    /** Also set its MTU, in bytes. */
    public LinkChange mtu(int bytes) {
        return plus("mtu " + bytes, message -> message.u32(LinkMessage.IFLA_MTU, bytes));
    }

    /**
     * Also rename it; not possible together with {@link #of(InterfaceName)}, because there the name identifies the
     * link.
     *
     * @throws IllegalStateException if the link was given by its name
     */
    public LinkChange name(InterfaceName newName) {
        if (name.isPresent()) {
            throw new IllegalStateException(
                    "the same change can't rename a link that is given by its name: give its index instead");
        }
        return plus("name " + newName, message -> message.string(LinkMessage.IFLA_IFNAME, newName.value()));
    }

    /**
     * Also set its alias, the free text that "ip link" shows.
     *
     * @throws IllegalArgumentException if it has more than {@value #MAX_ALIAS_BYTES} bytes in UTF-8
     */
    public LinkChange alias(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAX_ALIAS_BYTES) {
            throw new IllegalArgumentException("the alias '" + text + "' has " + bytes.length
                    + " bytes, more than the maximum of " + MAX_ALIAS_BYTES);
        }
        return plus("alias '" + text + "'", message -> message.bytes(LinkMessage.IFLA_IFALIAS, bytes));
    }

    /** Also put it into this group; see {@link Requests#deleteLinkGroup(int)}. */
    public LinkChange group(int number) {
        return plus("group " + number, message -> message.u32(LinkMessage.IFLA_GROUP, number));
    }

    /** Also make it a port of the bridge, bond or VRF with this index; 0 takes it out. */
    public LinkChange master(int masterIndex) {
        return plus("master " + masterIndex, message -> message.u32(LinkMessage.IFLA_MASTER, masterIndex));
    }

    /** Also set its link-layer address. */
    public LinkChange mac(MacAddress address) {
        return plus("address " + address, message -> message.mac(LinkMessage.IFLA_ADDRESS, address));
    }

    /** Also move it to this namespace, which must stay open until the request was executed. */
    public LinkChange namespace(NetworkNamespace target) {
        LinkChange change =
                plus("namespace " + target, message -> message.u32(LinkMessage.IFLA_NET_NS_FD, target.fd()));
        return new LinkChange(index, name, flags, mask, Optional.of(target), change.parts);
    }

    /** Also set how its IPv6 link-local address is generated. This takes effect only before the link is set up. */
    public LinkChange inet6AddrGenMode(AddrGenMode mode) {
        return plus(
                "addrgenmode " + mode,
                message -> message.nested(
                        LinkMessage.IFLA_AF_SPEC,
                        families -> families.nested(
                                AddressFamily.AF_INET6,
                                inet6 -> inet6.u8(LinkMessage.IFLA_INET6_ADDR_GEN_MODE, mode.code()))));
    }

    /**
     * Also give these settings these values; not together with {@link #inet6AddrGenMode}, because one message has room
     * for only one of them.
     */
    public LinkChange ipv4(Map<Ipv4Setting, Integer> values) {
        Map<Ipv4Setting, Integer> ordered = new EnumMap<>(values);
        return plus(
                "ipv4 " + ordered,
                message -> message.nested(
                        LinkMessage.IFLA_AF_SPEC,
                        families -> families.nested(
                                AddressFamily.AF_INET,
                                inet -> inet.nested(
                                        LinkMessage.IFLA_INET_CONF,
                                        conf -> ordered.forEach(
                                                (setting, value) -> conf.u32(setting.code(), value))))));
    }

    private LinkChange plus(String description, Consumer<MessageWriter> attribute) {
        List<Part> more = new ArrayList<>(parts);
        more.add(new Part(description, attribute));
        return new LinkChange(index, name, flags, mask, namespace, List.copyOf(more));
    }

    Optional<NetworkNamespace> namespace() {
        return namespace;
    }

    void write(MessageWriter message) {
        LinkMessage.ifinfomsg(message, index, flags, mask);
        name.ifPresent(value -> message.string(LinkMessage.IFLA_IFNAME, value.value()));
        parts.forEach(part -> part.attribute.accept(message));
    }

    @Override
    public String toString() {
        String link = name.map(InterfaceName::value).orElse(Integer.toString(index));
        String[] descriptions = parts.stream().map(Part::description).toArray(String[]::new);
        return "link " + link + ": " + String.join(", ", Arrays.asList(descriptions));
    }
}
