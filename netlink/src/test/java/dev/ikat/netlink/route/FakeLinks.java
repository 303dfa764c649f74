package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The links of {@link FakeNetlink}, which change as the kernel's do. */
final class FakeLinks {
    static final int LOOPBACK = 1;
    private static final int HEADER = 16;
    /** {@code linux/veth.h}. */
    private static final int VETH_INFO_PEER = 1;

    private static final int DEFAULT_MTU = 1500;

    private final Map<Integer, Link> links = new TreeMap<>();
    private int lastIndex = LOOPBACK;

    /** Only the loopback, as in a new namespace. */
    FakeLinks() {
        links.put(
                LOOPBACK,
                new Link(
                        LOOPBACK,
                        new InterfaceName("lo"),
                        Optional.empty(),
                        Optional.of(MacAddress.parse("00:00:00:00:00:00")),
                        65536,
                        LinkMessage.IFF_LOOPBACK,
                        OperState.DOWN,
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        0,
                        Optional.empty(),
                        Optional.of(AddrGenMode.EUI64),
                        Optional.empty(),
                        LinkSettings.UNKNOWN,
                        List.of()));
    }

    List<Link> all() {
        return List.copyOf(links.values());
    }

    Optional<Link> find(int index) {
        return Optional.ofNullable(links.get(index));
    }

    Optional<Link> find(InterfaceName name) {
        return links.values().stream()
                .filter(link ->
                        link.name().equals(name) || link.alternativeNames().contains(name.value()))
                .findFirst();
    }

    Link require(int index) {
        return find(index).orElseThrow(() -> new Refusal(Errno.ENODEV));
    }

    /** RTM_NEWLINK: the links that are new. */
    List<Link> create(MessageReader message) {
        Link link = LinkMessage.read(message).orElseThrow();
        requireFree(link.name());
        Refusal.unless(link.index() == 0 || !links.containsKey(link.index()), Errno.EEXIST);
        Optional<Peer> peer = peer(message);
        peer.ifPresent(wanted -> {
            Refusal.unless(!wanted.name.equals(link.name()), Errno.EEXIST);
            if (!wanted.elsewhere) {
                requireFree(wanted.name);
                Refusal.unless(link.index() == 0 || !links.containsKey(wanted.index), Errno.EBUSY);
            }
        });
        Draft first = Draft.of(link);
        first.index = link.index() == 0 ? free() : link.index();
        first.mtu = link.mtu() == 0 ? DEFAULT_MTU : link.mtu();
        first.mac = link.mac().or(() -> Optional.of(mac(first.index)));
        first.addrGenMode = Optional.of(AddrGenMode.EUI64);
        first.operState = OperState.DOWN;
        List<Link> made = new ArrayList<>();
        peer.filter(wanted -> !wanted.elsewhere).ifPresent(wanted -> {
            lastIndex = Math.max(lastIndex, first.index);
            Draft second = Draft.of(first.link());
            // The driver hears of the peer's index only where this end has one, too.
            second.index = wanted.index == 0 || link.index() == 0 ? free() : wanted.index;
            second.name = wanted.name;
            second.mac = wanted.mac.or(() -> Optional.of(mac(second.index)));
            second.group = 0;
            second.peerIndex = Optional.of(first.index);
            first.peerIndex = Optional.of(second.index);
            made.add(second.link());
        });
        made.add(first.link());
        made.forEach(this::put);
        return made;
    }

    private void put(Link link) {
        links.put(link.index(), link);
        lastIndex = Math.max(lastIndex, link.index());
    }

    private int free() {
        return lastIndex + 1;
    }

    private static MacAddress mac(int index) {
        return MacAddress.parse("02:00:00:00:%02x:%02x".formatted(index >>> 8, index & 0xff));
    }

    private void requireFree(InterfaceName name) {
        Refusal.unless(find(name).isEmpty(), Errno.EEXIST);
    }

    private record Peer(int index, InterfaceName name, Optional<MacAddress> mac, boolean elsewhere) {}

    private static Optional<Peer> peer(MessageReader message) {
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            if (attributes.type() == LinkMessage.IFLA_LINKINFO) {
                AttributeReader info = attributes.nested();
                while (info.next()) {
                    if (info.type() == LinkMessage.IFLA_INFO_DATA) {
                        AttributeReader data = info.nested();
                        if (data.next() && data.type() == VETH_INFO_PEER && data.length() > HEADER) {
                            return Optional.of(peer(data.u32At(4), data.nested(HEADER)));
                        }
                    }
                }
            }
        }
        return Optional.empty();
    }

    private static Peer peer(int index, AttributeReader end) {
        Optional<InterfaceName> name = Optional.empty();
        Optional<MacAddress> mac = Optional.empty();
        boolean elsewhere = false;
        while (end.next()) {
            switch (end.type()) {
                case LinkMessage.IFLA_IFNAME -> name = Optional.of(end.interfaceName());
                case LinkMessage.IFLA_ADDRESS -> mac = Optional.of(end.mac());
                case LinkMessage.IFLA_NET_NS_FD -> elsewhere = true;
                default -> {}
            }
        }
        return new Peer(index, name.orElseThrow(), mac, elsewhere);
    }

    /** RTM_SETLINK: the link as it is now. */
    Link change(MessageReader message) {
        Draft draft = Draft.of(named(message));
        int changed = message.bodyU32(12);
        draft.flags = (draft.flags & ~changed) | (message.bodyU32(8) & changed);
        boolean byIndex = message.bodyU32(4) != 0;
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case LinkMessage.IFLA_IFNAME -> {
                    if (byIndex) {
                        requireFree(attributes.interfaceName());
                        draft.name = attributes.interfaceName();
                    }
                }
                case LinkMessage.IFLA_ADDRESS -> draft.mac = Optional.of(attributes.mac());
                case LinkMessage.IFLA_MTU -> draft.mtu = attributes.u32();
                case LinkMessage.IFLA_IFALIAS -> draft.alias = Optional.of(attributes.string());
                case LinkMessage.IFLA_GROUP -> draft.group = attributes.u32();
                case LinkMessage.IFLA_MASTER ->
                    draft.master = attributes.u32() == 0 ? Optional.empty() : Optional.of(attributes.u32());
                case LinkMessage.IFLA_AF_SPEC -> families(attributes.nested(), draft);
                default -> throw new Refusal(Errno.EOPNOTSUPP);
            }
        }
        draft.operState = (draft.flags & LinkMessage.IFF_UP) != 0 ? OperState.UP : OperState.DOWN;
        put(draft.link());
        return draft.link();
    }

    private static void families(AttributeReader families, Draft draft) {
        while (families.next()) {
            if (families.type() == AddressFamily.AF_INET) {
                AttributeReader inet = families.nested();
                while (inet.next()) {
                    draft.settings = draft.settings.with(values(inet.nested()));
                }
            }
            if (families.type() == AddressFamily.AF_INET6) {
                AttributeReader inet6 = families.nested();
                while (inet6.next()) {
                    if (inet6.type() == LinkMessage.IFLA_INET6_ADDR_GEN_MODE) {
                        draft.addrGenMode = Optional.of(AddrGenMode.of(inet6.u8()));
                    }
                }
            }
        }
    }

    private static Map<Ipv4Setting, Integer> values(AttributeReader conf) {
        Map<Ipv4Setting, Integer> values = new EnumMap<>(Ipv4Setting.class);
        while (conf.next()) {
            for (Ipv4Setting setting : Ipv4Setting.values()) {
                if (setting.code() == conf.type()) {
                    values.put(setting, conf.u32());
                }
            }
        }
        return values;
    }

    /** RTM_NEWLINKPROP: the link as it is now. */
    Link addName(MessageReader message) {
        Draft draft = Draft.of(require(message.bodyU32(4)));
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            if (attributes.type() == LinkMessage.IFLA_PROP_LIST) {
                AttributeReader names = attributes.nested();
                while (names.next()) {
                    String name = names.string();
                    Refusal.unless(
                            links.values().stream()
                                    .noneMatch(other -> other.name().value().equals(name)
                                            || other.alternativeNames().contains(name)),
                            Errno.EEXIST);
                    draft.alternativeNames.add(name);
                }
            }
        }
        put(draft.link());
        return draft.link();
    }

    /** RTM_DELLINK: the links that are gone, a veth's other end among them. */
    List<Link> delete(MessageReader message) {
        List<Link> gone = new ArrayList<>();
        Optional<Integer> group = group(message);
        if (group.isPresent()) {
            links.values().stream().filter(link -> link.group() == group.get()).forEach(gone::add);
            Refusal.unless(!gone.isEmpty(), Errno.ENODEV);
        } else {
            Link link = named(message);
            Refusal.unless(link.index() != LOOPBACK, Errno.EOPNOTSUPP);
            gone.add(link);
        }
        for (Link link : List.copyOf(gone)) {
            if (link.isKind("veth")) {
                link.peerIndex()
                        .flatMap(this::find)
                        .filter(peer -> !gone.contains(peer))
                        .ifPresent(gone::add);
            }
        }
        gone.forEach(link -> links.remove(link.index()));
        return gone;
    }

    private static Optional<Integer> group(MessageReader message) {
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            if (attributes.type() == LinkMessage.IFLA_GROUP) {
                return Optional.of(attributes.u32());
            }
        }
        return Optional.empty();
    }

    /** The link that a message is about, by its index or else by its name. */
    private Link named(MessageReader message) {
        int index = message.bodyU32(4);
        if (index != 0) {
            return require(index);
        }
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            if (attributes.type() == LinkMessage.IFLA_IFNAME) {
                return find(attributes.interfaceName()).orElseThrow(() -> new Refusal(Errno.ENODEV));
            }
        }
        throw new Refusal(Errno.EINVAL);
    }

    /** A link in the making. */
    private static final class Draft {
        int index;
        InterfaceName name;
        Optional<MacAddress> mac;
        int mtu;
        int flags;
        OperState operState;
        Optional<Integer> master;
        Optional<Integer> peerIndex;
        int group;
        Optional<String> alias;
        Optional<AddrGenMode> addrGenMode;
        LinkSettings settings;
        final List<String> alternativeNames;
        private final Link before;

        private Draft(Link link) {
            before = link;
            index = link.index();
            name = link.name();
            mac = link.mac();
            mtu = link.mtu();
            flags = link.flags();
            operState = link.operState();
            master = link.master();
            peerIndex = link.peerIndex();
            group = link.group();
            alias = link.alias();
            addrGenMode = link.addrGenMode();
            settings = link.settings();
            alternativeNames = new ArrayList<>(link.alternativeNames());
        }

        static Draft of(Link link) {
            return new Draft(link);
        }

        Link link() {
            return new Link(
                    index,
                    name,
                    before.kind(),
                    mac,
                    mtu,
                    flags,
                    operState,
                    master,
                    peerIndex,
                    before.peerNamespaceId(),
                    group,
                    alias,
                    addrGenMode,
                    before.vxlan(),
                    settings,
                    alternativeNames);
        }
    }
}
