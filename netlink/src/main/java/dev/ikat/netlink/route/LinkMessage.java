package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.MalformedMessageException;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Link messages: struct ifinfomsg (linux/rtnetlink.h) and IFLA_* (linux/if_link.h). */
public final class LinkMessage {
    static final int RTM_NEWLINK = 16;
    static final int RTM_DELLINK = 17;
    static final int RTM_GETLINK = 18;
    static final int RTM_SETLINK = 19;
    static final int RTM_NEWLINKPROP = 108;

    /** IFF_*, linux/if.h. */
    static final int IFF_UP = 1;

    static final int IFF_LOOPBACK = 1 << 3;
    static final int IFF_POINTOPOINT = 1 << 4;
    static final int IFF_NOARP = 1 << 7;

    static final int IFLA_ADDRESS = 1;
    static final int IFLA_IFNAME = 3;
    static final int IFLA_MTU = 4;
    static final int IFLA_LINK = 5;
    static final int IFLA_MASTER = 10;
    static final int IFLA_OPERSTATE = 16;
    static final int IFLA_LINKINFO = 18;
    static final int IFLA_IFALIAS = 20;
    static final int IFLA_AF_SPEC = 26;
    static final int IFLA_GROUP = 27;
    static final int IFLA_NET_NS_FD = 28;
    static final int IFLA_EXT_MASK = 29;
    static final int IFLA_NUM_TX_QUEUES = 31;
    static final int IFLA_NUM_RX_QUEUES = 32;
    static final int IFLA_LINK_NETNSID = 37;
    static final int IFLA_GSO_MAX_SIZE = 41;
    static final int IFLA_PROP_LIST = 52;
    static final int IFLA_ALT_IFNAME = 53;
    static final int IFLA_GSO_IPV4_MAX_SIZE = 63;

    static final int IFLA_INFO_KIND = 1;
    static final int IFLA_INFO_DATA = 2;
    static final int IFLA_INET_CONF = 1;
    static final int IFLA_INET6_CONF = 2;
    static final int IFLA_INET6_ADDR_GEN_MODE = 8;

    /** Leaves out counters, which cost the kernel a walk over all CPUs (linux/rtnetlink.h). */
    static final int RTEXT_FILTER_SKIP_STATS = 1 << 3;

    /** {@code linux/veth.h}. */
    private static final int VETH_INFO_PEER = 1;

    private static final int IFLA_VXLAN_ID = 1;
    private static final int IFLA_VXLAN_LINK = 3;
    private static final int IFLA_VXLAN_LOCAL = 4;
    private static final int IFLA_VXLAN_LEARNING = 7;
    private static final int IFLA_VXLAN_PORT = 15;
    private static final int IFLA_VXLAN_LOCAL6 = 17;

    private static final int HEADER = 16;

    private static final Ipv4Setting[] IPV4_SETTINGS = Ipv4Setting.values();
    private static final Ipv6Setting[] IPV6_SETTINGS = Ipv6Setting.values();

    private LinkMessage() {}

    static MessageWriter ifinfomsg(MessageWriter message, int index, int flags, int change) {
        return message.bodyU8(AddressFamily.AF_UNSPEC)
                .bodyU8(0)
                .bodyU16(0)
                .bodyU32(index)
                .bodyU32(flags)
                .bodyU32(change);
    }

    static void write(MessageWriter message, LinkSpec spec) {
        switch (spec) {
            case VethSpec veth -> write(message, veth);
            case BridgeSpec bridge -> write(message, bridge);
            case VxlanSpec vxlan -> write(message, vxlan);
        }
    }

    private static void write(MessageWriter message, VethSpec spec) {
        veth(message, spec, spec.name(), spec.mac(), spec.index());
        spec.group().ifPresent(group -> message.u32(IFLA_GROUP, group));
        message.nested(
                IFLA_LINKINFO,
                info -> info.string(IFLA_INFO_KIND, "veth")
                        .nested(
                                IFLA_INFO_DATA,
                                data -> data.nested(VETH_INFO_PEER, peer -> {
                                    veth(peer, spec, spec.peerName(), spec.peerMac(), spec.peerIndex());
                                    spec.peerNamespace()
                                            .ifPresent(namespace -> peer.u32(IFLA_NET_NS_FD, namespace.fd()));
                                })));
    }

    /** One end of a veth pair: the message itself and VETH_INFO_PEER have the same form. */
    private static void veth(
            MessageWriter end, VethSpec spec, InterfaceName name, Optional<MacAddress> mac, Optional<Integer> index) {
        ifinfomsg(end, index.orElse(0), 0, 0);
        end.string(IFLA_IFNAME, name.value());
        mac.ifPresent(address -> end.mac(IFLA_ADDRESS, address));
        spec.mtu().ifPresent(mtu -> end.u32(IFLA_MTU, mtu));
        spec.gsoMaxSize().ifPresent(size -> end.u32(IFLA_GSO_MAX_SIZE, size).u32(IFLA_GSO_IPV4_MAX_SIZE, size));
        spec.queues().ifPresent(queues -> end.u32(IFLA_NUM_TX_QUEUES, queues).u32(IFLA_NUM_RX_QUEUES, queues));
    }

    private static void write(MessageWriter message, BridgeSpec spec) {
        ifinfomsg(message, 0, 0, 0);
        message.string(IFLA_IFNAME, spec.name().value());
        spec.mac().ifPresent(address -> message.mac(IFLA_ADDRESS, address));
        spec.mtu().ifPresent(mtu -> message.u32(IFLA_MTU, mtu));
        message.nested(IFLA_LINKINFO, info -> info.string(IFLA_INFO_KIND, "bridge"));
    }

    private static void write(MessageWriter message, VxlanSpec spec) {
        ifinfomsg(message, 0, 0, 0);
        message.string(IFLA_IFNAME, spec.name().value());
        spec.mac().ifPresent(address -> message.mac(IFLA_ADDRESS, address));
        spec.mtu().ifPresent(mtu -> message.u32(IFLA_MTU, mtu));
        message.nested(
                IFLA_LINKINFO,
                info -> info.string(IFLA_INFO_KIND, "vxlan").nested(IFLA_INFO_DATA, data -> {
                    data.u32(IFLA_VXLAN_ID, spec.vni());
                    spec.underlay().ifPresent(link -> data.u32(IFLA_VXLAN_LINK, link));
                    spec.local().ifPresent(local -> data.address(localAttribute(local), local));
                    data.u8(IFLA_VXLAN_LEARNING, spec.learning() ? 1 : 0);
                    data.u16be(IFLA_VXLAN_PORT, spec.port());
                }));
    }

    private static int localAttribute(IpAddress local) {
        return switch (local.family()) {
            case IPV4 -> IFLA_VXLAN_LOCAL;
            case IPV6 -> IFLA_VXLAN_LOCAL6;
        };
    }

    /**
     * Reads RTM_NEWLINK or RTM_DELLINK; empty for a bridge's notification about one of its ports, which does not
     * describe a link.
     */
    public static Optional<Link> read(MessageReader message) {
        message.requireBody("ifinfomsg", HEADER);
        if (message.bodyU8(0) != AddressFamily.AF_UNSPEC) {
            return Optional.empty();
        }
        InterfaceName name = null;
        LinkInfo info = new LinkInfo(Optional.empty(), Optional.empty());
        MacAddress mac = null;
        int mtu = 0;
        OperState operState = OperState.UNKNOWN;
        Integer master = null;
        Integer peerIndex = null;
        Integer peerNamespaceId = null;
        int group = 0;
        String alias = null;
        FamilySpec families = FamilySpec.NONE;
        List<String> alternativeNames = List.of();
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case IFLA_IFNAME -> name = attributes.interfaceName();
                case IFLA_ADDRESS -> mac = attributes.isMac() ? attributes.mac() : null;
                case IFLA_MTU -> mtu = attributes.u32();
                case IFLA_OPERSTATE -> operState = OperState.of(attributes.u8());
                case IFLA_MASTER -> master = attributes.u32();
                case IFLA_LINK -> peerIndex = attributes.u32();
                case IFLA_LINK_NETNSID -> peerNamespaceId = attributes.u32();
                case IFLA_GROUP -> group = attributes.u32();
                case IFLA_IFALIAS -> alias = attributes.string();
                case IFLA_LINKINFO -> info = readInfo(attributes.nested());
                case IFLA_PROP_LIST -> alternativeNames = readNames(attributes.nested());
                case IFLA_AF_SPEC -> families = FamilySpec.read(attributes.nested());
                default -> {}
            }
        }
        if (name == null) {
            throw new MalformedMessageException("a link without IFLA_IFNAME");
        }
        return Optional.of(new Link(
                message.bodyU32(4),
                name,
                info.kind,
                Optional.ofNullable(mac),
                mtu,
                message.bodyU32(8),
                operState,
                Optional.ofNullable(master),
                Optional.ofNullable(peerIndex),
                Optional.ofNullable(peerNamespaceId),
                group,
                Optional.ofNullable(alias),
                families.addrGenMode,
                info.vxlan,
                families.settings,
                alternativeNames));
    }

    private static List<String> readNames(AttributeReader properties) {
        List<String> names = new ArrayList<>(1);
        while (properties.next()) {
            if (properties.type() == IFLA_ALT_IFNAME) {
                names.add(properties.string());
            }
        }
        return names;
    }

    private record LinkInfo(Optional<String> kind, Optional<Vxlan> vxlan) {}

    private static LinkInfo readInfo(AttributeReader attributes) {
        String kind = null;
        AttributeReader data = null;
        while (attributes.next()) {
            switch (attributes.type()) {
                case IFLA_INFO_KIND -> kind = attributes.string();
                case IFLA_INFO_DATA -> data = attributes.nested();
                default -> {}
            }
        }
        boolean isVxlan = "vxlan".equals(kind) && data != null;
        return new LinkInfo(Optional.ofNullable(kind), isVxlan ? Optional.of(readVxlan(data)) : Optional.empty());
    }

    private static Vxlan readVxlan(@Nullable AttributeReader data) {
        int vni = 0;
        int port = 0;
        IpAddress local = null;
        Integer underlay = null;
        boolean learning = false;
        while (data != null && data.next()) {
            switch (data.type()) {
                case IFLA_VXLAN_ID -> vni = data.u32();
                case IFLA_VXLAN_LINK -> underlay = data.u32() == 0 ? null : data.u32();
                case IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6 -> local = data.address();
                case IFLA_VXLAN_LEARNING -> learning = data.u8() != 0;
                case IFLA_VXLAN_PORT -> port = data.u16be();
                default -> {}
            }
        }
        return new Vxlan(vni, port, Optional.ofNullable(local), Optional.ofNullable(underlay), learning);
    }

    /** IFLA_AF_SPEC: what each address family says of a link. */
    private record FamilySpec(Optional<AddrGenMode> addrGenMode, LinkSettings settings) {
        static final FamilySpec NONE = new FamilySpec(Optional.empty(), LinkSettings.UNKNOWN);

        static FamilySpec read(AttributeReader families) {
            AddrGenMode mode = null;
            Map<Ipv4Setting, Integer> ipv4 = new EnumMap<>(Ipv4Setting.class);
            Map<Ipv6Setting, Integer> ipv6 = new EnumMap<>(Ipv6Setting.class);
            while (families.next()) {
                if (families.type() == AddressFamily.AF_INET) {
                    readIpv4(families.nested(), ipv4);
                } else if (families.type() == AddressFamily.AF_INET6) {
                    AttributeReader inet6 = families.nested();
                    while (inet6.next()) {
                        if (inet6.type() == IFLA_INET6_ADDR_GEN_MODE) {
                            mode = AddrGenMode.of(inet6.u8());
                        } else if (inet6.type() == IFLA_INET6_CONF) {
                            for (Ipv6Setting setting : IPV6_SETTINGS) {
                                if (4 * setting.code() + 4 <= inet6.length()) {
                                    ipv6.put(setting, inet6.u32At(4 * setting.code()));
                                }
                            }
                        }
                    }
                }
            }
            return new FamilySpec(Optional.ofNullable(mode), new LinkSettings(ipv4, ipv6));
        }

        /** An array of all values in the order of their numbers, which begin with 1. */
        private static void readIpv4(AttributeReader inet, Map<Ipv4Setting, Integer> values) {
            while (inet.next()) {
                if (inet.type() == IFLA_INET_CONF) {
                    for (Ipv4Setting setting : IPV4_SETTINGS) {
                        int offset = 4 * (setting.code() - 1);
                        if (offset + 4 <= inet.length()) {
                            values.put(setting, inet.u32At(offset));
                        }
                    }
                }
            }
        }
    }
}
