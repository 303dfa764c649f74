package dev.ikat.netlink.route;

import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.Listener;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reports changes of the network configuration of one namespace, whoever makes them. Read the state after opening this,
 * not before, so that no change is missed in between.
 *
 * <p>Any number of threads may use it, but only one may poll at a time. Waiting blocks the thread in the kernel, a
 * virtual one together with its carrier: poll from a platform thread.
 */
public final class RouteMonitor implements RouteEvents {
    /** Room for some 1,000 notifications of a link, or 2,000 of a route. */
    private static final int RECEIVE_BUFFER = 2 * 1024 * 1024;

    private final Listener listener;

    private RouteMonitor(Listener listener) {
        this.listener = listener;
    }

    /** Begins to listen in the calling thread's namespace. */
    public static RouteMonitor open(Set<Group> groups) {
        return openHere(groups, RECEIVE_BUFFER);
    }

    private static RouteMonitor openHere(Set<Group> groups, int receiveBuffer) {
        return new RouteMonitor(Listener.open(
                NetlinkSocket.NETLINK_ROUTE,
                receiveBuffer,
                socket -> groups.forEach(group -> group.numbers().forEach(socket::join))));
    }

    /** Begins to listen in another namespace. */
    public static RouteMonitor open(NetworkNamespace namespace, Set<Group> groups) {
        return openWithBuffer(namespace, groups, RECEIVE_BUFFER);
    }

    static RouteMonitor openWithBuffer(NetworkNamespace namespace, Set<Group> groups, int bytes) {
        return namespace.call(() -> openHere(groups, bytes));
    }

    @Override
    public List<Event> poll(Duration timeout) {
        return listener.poll(timeout, RouteMonitor::read, Event.Resync::new);
    }

    /** Reads a notification; empty for one of a kind that is not reported. */
    public static Optional<Event> read(MessageReader message) {
        return switch (message.type()) {
            case LinkMessage.RTM_NEWLINK -> LinkMessage.read(message).map(link -> new Event.LinkEvent(true, link));
            case LinkMessage.RTM_DELLINK -> LinkMessage.read(message).map(link -> new Event.LinkEvent(false, link));
            case AddressMessage.RTM_NEWADDR ->
                AddressMessage.read(message).map(address -> new Event.AddressEvent(true, address));
            case AddressMessage.RTM_DELADDR ->
                AddressMessage.read(message).map(address -> new Event.AddressEvent(false, address));
            case RouteMessage.RTM_NEWROUTE ->
                RouteMessage.read(message).map(route -> new Event.RouteEvent(true, route));
            case RouteMessage.RTM_DELROUTE ->
                RouteMessage.read(message).map(route -> new Event.RouteEvent(false, route));
            case NeighbourMessage.RTM_NEWNEIGH -> readNeighbour(true, message);
            case NeighbourMessage.RTM_DELNEIGH -> readNeighbour(false, message);
            case RuleMessage.RTM_NEWRULE -> RuleMessage.read(message).map(rule -> new Event.RuleEvent(true, rule));
            case RuleMessage.RTM_DELRULE -> RuleMessage.read(message).map(rule -> new Event.RuleEvent(false, rule));
            case NetconfMessage.RTM_NEWNETCONF ->
                NetconfMessage.read(message).map(settings -> new Event.NetconfEvent(true, settings));
            case NetconfMessage.RTM_DELNETCONF ->
                NetconfMessage.read(message).map(settings -> new Event.NetconfEvent(false, settings));
            default -> Optional.empty();
        };
    }

    private static Optional<Event> readNeighbour(boolean present, MessageReader message) {
        Optional<Event> neighbour =
                NeighbourMessage.read(message).map(entry -> new Event.NeighbourEvent(present, entry));
        return neighbour.or(() -> NeighbourMessage.readFdb(message).map(entry -> new Event.FdbEvent(present, entry)));
    }

    @Override
    public void close() {
        listener.close();
    }
}
