package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.MessageWriter;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The requests about links, addresses, routes, neighbours, rules and filters; {@link Rtnetlink#execute} sends them to
 * the kernel. A request is immutable and not bound to a namespace: the same one can be executed in several.
 */
public final class Requests {
    private static final int ADD = NetlinkSocket.NLM_F_CREATE | NetlinkSocket.NLM_F_EXCL;
    private static final int REPLACE = NetlinkSocket.NLM_F_CREATE | NetlinkSocket.NLM_F_REPLACE;
    private static final int APPEND = NetlinkSocket.NLM_F_CREATE | NetlinkSocket.NLM_F_APPEND;

    private Requests() {}

    /** Creates a link; EEXIST if its name or index, or its peer's name, is taken; EBUSY if its peer's index is. */
    public static Request create(LinkSpec spec) {
        Optional<NetworkNamespace> named = switch (spec) {
            case VethSpec veth -> veth.peerNamespace();
            case BridgeSpec bridge -> Optional.empty();
            case VxlanSpec vxlan -> Optional.empty();
        };
        return of("create", spec, LinkMessage.RTM_NEWLINK, ADD, message -> LinkMessage.write(message, spec))
                .provided(() -> named.ifPresent(NetworkNamespace::fd));
    }

    /** Changes a link; ENODEV if it does not exist. */
    public static Request change(LinkChange change) {
        return of("change", change, LinkMessage.RTM_SETLINK, 0, change::write)
                .provided(() -> change.namespace().ifPresent(NetworkNamespace::fd));
    }

    /**
     * Gives a link an additional name, which is unique in its namespace like the first; EEXIST if a link already has
     * it, EOPNOTSUPP before Linux 5.5.
     *
     * @param name at most 127 bytes (ALTIFNAMSIZ, {@code linux/if.h}, without the terminating zero)
     */
    public static Request addAlternativeName(int index, String name) {
        return of(
                "add",
                "alternative name " + name + " of link " + index,
                LinkMessage.RTM_NEWLINKPROP,
                ADD | NetlinkSocket.NLM_F_APPEND,
                message -> LinkMessage.ifinfomsg(message, index, 0, 0)
                        .nested(
                                LinkMessage.IFLA_PROP_LIST,
                                properties -> properties.string(LinkMessage.IFLA_ALT_IFNAME, name)));
    }

    /** Deletes a link, and with it a veth pair's other end; ENODEV if it does not exist. */
    public static Request deleteLink(int index) {
        return of(
                "delete",
                "link " + index,
                LinkMessage.RTM_DELLINK,
                0,
                message -> LinkMessage.ifinfomsg(message, index, 0, 0));
    }

    /** Deletes a link, and with it a veth pair's other end; ENODEV if it does not exist. */
    public static Request deleteLink(InterfaceName name) {
        return of(
                "delete",
                "link " + name,
                LinkMessage.RTM_DELLINK,
                0,
                message -> LinkMessage.ifinfomsg(message, 0, 0, 0).string(LinkMessage.IFLA_IFNAME, name.value()));
    }

    /**
     * Deletes all links of a group at once, which hardly takes the kernel longer than one; ENODEV if there are none.
     *
     * @throws IllegalArgumentException for group 0, which contains every link that is in no other group
     */
    public static Request deleteLinkGroup(int group) {
        if (group == 0) {
            throw new IllegalArgumentException(
                    "links of group 0 can't be deleted together: it is the default group of all links");
        }
        return of(
                "delete",
                "links of group " + group,
                LinkMessage.RTM_DELLINK,
                0,
                message -> LinkMessage.ifinfomsg(message, 0, 0, 0).u32(LinkMessage.IFLA_GROUP, group));
    }

    /** Adds an address; EEXIST if the link has it. */
    public static Request add(Address address) {
        return address("add", address, AddressMessage.RTM_NEWADDR, ADD);
    }

    /** Adds an address, or sets these flags if it already exists. */
    public static Request replace(Address address) {
        return address("replace", address, AddressMessage.RTM_NEWADDR, REPLACE);
    }

    /** Deletes an address; EADDRNOTAVAIL if the link does not have it. */
    public static Request delete(Address address) {
        return address("delete", address, AddressMessage.RTM_DELADDR, 0);
    }

    private static Request address(String verb, Address address, int type, int flags) {
        return of(verb, address, type, flags, message -> AddressMessage.write(message, address));
    }

    /** Adds a route; EEXIST if there is one to this destination with this metric in this table. */
    public static Request add(Route route) {
        return route("add", route, RouteMessage.RTM_NEWROUTE, ADD);
    }

    /** Adds a route, or replaces the one to this destination with this metric in this table. */
    public static Request replace(Route route) {
        return route("replace", route, RouteMessage.RTM_NEWROUTE, REPLACE);
    }

    /** Deletes the route that is equal to this; ESRCH if there is none. */
    public static Request delete(Route route) {
        return route("delete", route, RouteMessage.RTM_DELROUTE, 0);
    }

    private static Request route(String verb, Route route, int type, int flags) {
        return of(verb, route, type, flags, message -> RouteMessage.write(message, route));
    }

    /** Adds a neighbour entry; EEXIST if there is one for its address. */
    public static Request add(Neighbour neighbour) {
        return neighbour("add", neighbour, NeighbourMessage.RTM_NEWNEIGH, ADD);
    }

    /** Adds a neighbour entry, or replaces the one for its address. */
    public static Request replace(Neighbour neighbour) {
        return neighbour("replace", neighbour, NeighbourMessage.RTM_NEWNEIGH, REPLACE);
    }

    /** Deletes the neighbour entry for this address; ENOENT if there is none. */
    public static Request delete(Neighbour neighbour) {
        return neighbour("delete", neighbour, NeighbourMessage.RTM_DELNEIGH, 0);
    }

    private static Request neighbour(String verb, Neighbour neighbour, int type, int flags) {
        return of(verb, neighbour, type, flags, message -> NeighbourMessage.write(message, neighbour));
    }

    /** Adds a forwarding entry to those that its link-layer address already has; idempotent for a VXLAN link. */
    public static Request append(FdbEntry entry) {
        return forwarding("append", entry, NeighbourMessage.RTM_NEWNEIGH, APPEND);
    }

    /**
     * Adds a forwarding entry, or replaces the one for its link-layer address; a VXLAN link's entry for
     * 00:00:00:00:00:00 can only be appended, EOPNOTSUPP.
     */
    public static Request replace(FdbEntry entry) {
        return forwarding("replace", entry, NeighbourMessage.RTM_NEWNEIGH, REPLACE);
    }

    /** Deletes a forwarding entry; ENOENT if it does not exist. */
    public static Request delete(FdbEntry entry) {
        return forwarding("delete", entry, NeighbourMessage.RTM_DELNEIGH, 0);
    }

    private static Request forwarding(String verb, FdbEntry entry, int type, int flags) {
        return of(verb, entry, type, flags, message -> NeighbourMessage.write(message, entry));
    }

    /** Adds a rule; EEXIST if there is an equal one. */
    public static Request add(Rule rule) {
        return of("add", rule, RuleMessage.RTM_NEWRULE, ADD, message -> RuleMessage.write(message, rule));
    }

    /** Deletes a rule; ENOENT if it does not exist. */
    public static Request delete(Rule rule) {
        return of("delete", rule, RuleMessage.RTM_DELRULE, 0, message -> RuleMessage.write(message, rule));
    }

    /**
     * Adds the queueing discipline clsact to a link, whose filters process what the link receives and sends; EEXIST if
     * the link already has it.
     */
    public static Request addClsact(int interfaceIndex) {
        return of(
                "add",
                "clsact to link " + interfaceIndex,
                FilterMessage.RTM_NEWQDISC,
                ADD,
                message -> FilterMessage.writeClsact(message, interfaceIndex));
    }

    /** Removes clsact and its filters from a link; EINVAL or ENOENT if the link has none. */
    public static Request deleteClsact(int interfaceIndex) {
        return of(
                "delete",
                "clsact of link " + interfaceIndex,
                FilterMessage.RTM_DELQDISC,
                0,
                message -> FilterMessage.writeClsact(message, interfaceIndex));
    }

    /**
     * Attaches a program to what a link with clsact receives or sends, or replaces the one with this preference.
     *
     * @param received whether it sees what the link receives, and not what it sends
     * @param program a descriptor, open until the request is executed
     */
    public static Request replaceFilter(
            int interfaceIndex, boolean received, int preference, String name, int program) {
        return of(
                "replace",
                "filter " + name + " of link " + interfaceIndex,
                FilterMessage.RTM_NEWTFILTER,
                NetlinkSocket.NLM_F_CREATE,
                message -> FilterMessage.write(message, interfaceIndex, received, preference, name, program));
    }

    /**
     * Deletes the BPF filter with this preference from what a link receives or sends; ENOENT or EINVAL if there is
     * none.
     */
    public static Request deleteFilter(int interfaceIndex, boolean received, int preference) {
        return of(
                "delete",
                "filter with preference " + preference + " of link " + interfaceIndex,
                FilterMessage.RTM_DELTFILTER,
                0,
                message -> FilterMessage.writeDelete(message, interfaceIndex, received, preference));
    }

    public static Request getLink(int index) {
        return of(
                "read",
                "link " + index,
                LinkMessage.RTM_GETLINK,
                0,
                message -> LinkMessage.ifinfomsg(message, index, 0, 0)
                        .u32(LinkMessage.IFLA_EXT_MASK, LinkMessage.RTEXT_FILTER_SKIP_STATS));
    }

    public static Request getLink(InterfaceName name) {
        return of(
                "read",
                "link " + name,
                LinkMessage.RTM_GETLINK,
                0,
                message -> LinkMessage.ifinfomsg(message, 0, 0, 0)
                        .u32(LinkMessage.IFLA_EXT_MASK, LinkMessage.RTEXT_FILTER_SKIP_STATS)
                        .string(LinkMessage.IFLA_IFNAME, name.value()));
    }

    public static Request listLinks() {
        return list(
                "links",
                LinkMessage.RTM_GETLINK,
                message -> LinkMessage.ifinfomsg(message, 0, 0, 0)
                        .u32(LinkMessage.IFLA_EXT_MASK, LinkMessage.RTEXT_FILTER_SKIP_STATS));
    }

    public static Request listAddresses(int interfaceIndex) {
        return list(
                "addresses" + (interfaceIndex == 0 ? "" : " of link " + interfaceIndex),
                AddressMessage.RTM_GETADDR,
                message -> AddressMessage.writeDump(message, interfaceIndex));
    }

    public static Request listAddresses(int interfaceIndex, int namespaceId) {
        return list(
                "addresses of link " + interfaceIndex + " of namespace " + namespaceId,
                AddressMessage.RTM_GETADDR,
                message -> AddressMessage.writeDump(message, interfaceIndex, namespaceId));
    }

    public static Request getRoute(IpAddress destination) {
        return of(
                "read",
                "route to " + destination,
                RouteMessage.RTM_GETROUTE,
                0,
                message -> RouteMessage.writeGet(message, destination));
    }

    static Request resolve(IpAddress destination) {
        return of(
                "resolve",
                "way to " + destination,
                RouteMessage.RTM_GETROUTE,
                0,
                message -> RouteMessage.writeResolve(message, destination));
    }

    public static Request listRoutes(IpFamily family, RouteFilter filter) {
        return list(
                family + " routes, " + filter,
                RouteMessage.RTM_GETROUTE,
                message -> RouteMessage.writeDump(message, family, filter));
    }

    public static Request listNeighbours(IpFamily family, int interfaceIndex) {
        return list(
                family + " neighbours of link " + interfaceIndex,
                NeighbourMessage.RTM_GETNEIGH,
                message -> NeighbourMessage.writeDump(message, family, interfaceIndex));
    }

    public static Request listFdb(int interfaceIndex) {
        return list(
                "forwarding entries of link " + interfaceIndex,
                NeighbourMessage.RTM_GETNEIGH,
                message -> NeighbourMessage.writeFdbDump(message, interfaceIndex));
    }

    public static Request listRules(IpFamily family) {
        return list(family + " rules", RuleMessage.RTM_GETRULE, message -> RuleMessage.writeDump(message, family));
    }

    public static Request listFilters(int interfaceIndex, boolean received) {
        return list(
                "filters of link " + interfaceIndex,
                FilterMessage.RTM_GETTFILTER,
                message -> FilterMessage.writeDump(message, interfaceIndex, received));
    }

    private static Request list(String what, int type, Consumer<MessageWriter> body) {
        return MessageWriter.list(what, type, body);
    }

    private static Request of(String verb, Object subject, int type, int flags, Consumer<MessageWriter> body) {
        return MessageWriter.request(verb, subject, type, flags, body);
    }
}
