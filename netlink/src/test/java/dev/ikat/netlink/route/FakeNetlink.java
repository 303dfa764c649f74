package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The network configuration of a namespace in memory, for what needs one and no packets. It reads the very messages
 * that the kernel would get, and refuses what that would refuse, which {@link NetlinkContract} holds both to. What the
 * kernel makes by itself it does not make: routes to the subnets of addresses, link-local addresses. Thread-safe.
 */
public final class FakeNetlink implements Netlink {
    private static final MacAddress EVERY_OTHER = MacAddress.parse("00:00:00:00:00:00");

    private final FakeLinks links = new FakeLinks();
    private final FakeRoutes routes = new FakeRoutes(links);
    private final List<Address> addresses = new ArrayList<>();
    private final Map<NeighbourKey, Neighbour> neighbours = new LinkedHashMap<>();
    private final List<FdbEntry> fdb = new ArrayList<>();
    private final Map<String, Integer> refusals = new HashMap<>();
    private final List<FakeRouteEvents> listeners = new ArrayList<>();
    private final List<String> executed = new ArrayList<>();
    private boolean closed;

    private record NeighbourKey(int interfaceIndex, IpAddress address) {}

    /** An empty one. */
    public FakeNetlink() {}

    /** Begins to listen to what changes from now on. */
    public synchronized RouteEvents listen() {
        FakeRouteEvents events = new FakeRouteEvents();
        listeners.add(events);
        return events;
    }

    /** From now on every request whose words begin so, as in "create vxlan", is refused with this error number. */
    public synchronized void refuse(String words, int errno) {
        refusals.put(words, errno);
    }

    /** From now on nothing is refused but what is not possible. */
    public synchronized void refuseNothing() {
        refusals.clear();
    }

    /** The words of the requests that were done, the oldest first. */
    public synchronized List<String> executed() {
        return List.copyOf(executed);
    }

    @Override
    public synchronized void execute(List<Request> requests) {
        if (closed) {
            throw new IllegalStateException("it was closed");
        }
        NetlinkException first = null;
        for (int i = 0; i < requests.size(); i++) {
            Request request = requests.get(i);
            try {
                execute(request);
                executed.add(request.toString());
            } catch (Refusal e) {
                if (request.ignores(e.errno())) {
                    continue;
                }
                NetlinkException failure = new NetlinkException(request.toString(), e.errno(), "", i);
                if (first == null) {
                    first = failure;
                } else {
                    first.addSuppressed(failure);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    private void execute(Request request) {
        refusals.forEach((words, errno) -> Refusal.unless(!request.toString().startsWith(words), errno));
        byte[] bytes = request.bytes().clone();
        ByteBuffer datagram = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        MessageReader message = new MessageReader(datagram, bytes.length);
        message.next();
        int flags = datagram.getShort(6);
        boolean replace = (flags & NetlinkSocket.NLM_F_REPLACE) != 0;
        switch (message.type()) {
            case LinkMessage.RTM_NEWLINK ->
                links.create(message).forEach(link -> tell(new Event.LinkEvent(true, link)));
            case LinkMessage.RTM_SETLINK -> changed(links.change(message));
            case LinkMessage.RTM_NEWLINKPROP -> tell(new Event.LinkEvent(true, links.addName(message)));
            case LinkMessage.RTM_DELLINK -> links.delete(message).forEach(this::gone);
            case AddressMessage.RTM_NEWADDR -> put(AddressMessage.read(message).orElseThrow(), replace);
            case AddressMessage.RTM_DELADDR ->
                delete(AddressMessage.read(message).orElseThrow());
            case RouteMessage.RTM_NEWROUTE -> {
                Route asked = RouteMessage.read(message).orElseThrow();
                tell(new Event.RouteEvent(true, routes.put(asked, replace, addresses)));
            }
            case RouteMessage.RTM_DELROUTE ->
                tell(new Event.RouteEvent(
                        false, routes.delete(RouteMessage.read(message).orElseThrow())));
            case NeighbourMessage.RTM_NEWNEIGH ->
                NeighbourMessage.read(message)
                        .ifPresentOrElse(
                                neighbour -> put(neighbour, replace),
                                () -> put(NeighbourMessage.readFdb(message).orElseThrow(), flags));
            case NeighbourMessage.RTM_DELNEIGH ->
                NeighbourMessage.read(message)
                        .ifPresentOrElse(
                                this::delete,
                                () -> delete(NeighbourMessage.readFdb(message).orElseThrow()));
            default -> throw new Refusal(Errno.EOPNOTSUPP);
        }
    }

    private void tell(Event event) {
        listeners.forEach(listener -> listener.add(event));
    }

    private void changed(Link link) {
        if (!link.isUp()) {
            routes.withoutLink(link.index());
        }
        tell(new Event.LinkEvent(true, link));
    }

    private void gone(Link link) {
        int index = link.index();
        routes.withoutLink(index);
        addresses.removeIf(address -> address.interfaceIndex() == index);
        neighbours.keySet().removeIf(key -> key.interfaceIndex() == index);
        fdb.removeIf(entry -> entry.interfaceIndex() == index);
        tell(new Event.LinkEvent(false, link));
    }

    private void put(Address address, boolean replace) {
        links.require(address.interfaceIndex());
        Optional<Address> before = same(address);
        Refusal.unless(replace || before.isEmpty(), Errno.EEXIST);
        before.ifPresent(addresses::remove);
        Address added = address.flags(address.flags() | Address.PERMANENT);
        addresses.add(added);
        tell(new Event.AddressEvent(true, added));
    }

    private void delete(Address address) {
        links.require(address.interfaceIndex());
        Address gone = same(address).orElseThrow(() -> new Refusal(Errno.EADDRNOTAVAIL));
        addresses.remove(gone);
        tell(new Event.AddressEvent(false, gone));
    }

    private Optional<Address> same(Address address) {
        return addresses.stream()
                .filter(other -> other.interfaceIndex() == address.interfaceIndex()
                        && other.address().equals(address.address()))
                .findFirst();
    }

    private void put(Neighbour neighbour, boolean replace) {
        links.require(neighbour.interfaceIndex());
        NeighbourKey key = new NeighbourKey(neighbour.interfaceIndex(), neighbour.address());
        Refusal.unless(replace || !neighbours.containsKey(key), Errno.EEXIST);
        neighbours.put(key, neighbour);
        tell(new Event.NeighbourEvent(true, neighbour));
    }

    private void delete(Neighbour neighbour) {
        links.require(neighbour.interfaceIndex());
        Neighbour gone = neighbours.remove(new NeighbourKey(neighbour.interfaceIndex(), neighbour.address()));
        Refusal.unless(gone != null, Errno.ENOENT);
        tell(new Event.NeighbourEvent(false, neighbour));
    }

    private void put(FdbEntry entry, int flags) {
        requireForwarding(entry);
        boolean append = (flags & NetlinkSocket.NLM_F_APPEND) != 0;
        if (append) {
            fdb.removeIf(other -> sameWay(other, entry));
        } else {
            Refusal.unless(!entry.mac().equals(EVERY_OTHER), Errno.EOPNOTSUPP);
            fdb.removeIf(other -> other.interfaceIndex() == entry.interfaceIndex()
                    && other.mac().equals(entry.mac()));
        }
        fdb.add(entry);
        tell(new Event.FdbEvent(true, entry));
    }

    private void delete(FdbEntry entry) {
        requireForwarding(entry);
        Refusal.unless(fdb.removeIf(other -> sameWay(other, entry)), Errno.ENOENT);
        tell(new Event.FdbEvent(false, entry));
    }

    private void requireForwarding(FdbEntry entry) {
        Refusal.unless(links.require(entry.interfaceIndex()).vxlan().isPresent(), Errno.EOPNOTSUPP);
    }

    private static boolean sameWay(FdbEntry one, FdbEntry other) {
        return one.interfaceIndex() == other.interfaceIndex()
                && one.mac().equals(other.mac())
                && one.destination().equals(other.destination());
    }

    @Override
    public synchronized List<Link> links() {
        return links.all();
    }

    @Override
    public synchronized Optional<Link> link(InterfaceName name) {
        return links.find(name);
    }

    @Override
    public synchronized Optional<Link> link(int index) {
        return links.find(index);
    }

    @Override
    public synchronized List<Address> addresses() {
        return List.copyOf(addresses);
    }

    @Override
    public synchronized List<Address> addresses(int interfaceIndex) {
        return addresses.stream()
                .filter(address -> address.interfaceIndex() == interfaceIndex)
                .toList();
    }

    @Override
    public synchronized List<Route> routes(IpFamily family, RouteFilter filter) {
        return routes.all().stream()
                .filter(route -> route.destination().family() == family && filter.matches(route))
                .toList();
    }

    @Override
    public synchronized Optional<Route> routeTo(IpAddress destination) {
        Stream<Route> connected = addresses.stream()
                .map(address -> Route.to(address.address().cidr()).link(address.interfaceIndex()));
        return Stream.concat(routes.all().stream(), connected)
                .filter(route -> route.destination().contains(destination))
                .max(Comparator.comparingInt(
                        (Route route) -> route.destination().prefixLength()))
                .filter(route -> route.type() == RouteType.UNICAST);
    }

    @Override
    public synchronized List<Neighbour> neighbours(IpFamily family, int interfaceIndex) {
        return neighbours.values().stream()
                .filter(neighbour -> neighbour.interfaceIndex() == interfaceIndex
                        && neighbour.address().family() == family)
                .toList();
    }

    @Override
    public synchronized List<FdbEntry> fdb(int interfaceIndex) {
        return fdb.stream()
                .filter(entry -> entry.interfaceIndex() == interfaceIndex)
                .toList();
    }

    @Override
    public synchronized void close() {
        closed = true;
    }
}
