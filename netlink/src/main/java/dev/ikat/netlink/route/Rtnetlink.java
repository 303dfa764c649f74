package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The network configuration of one namespace: changed by batches of requests, read as values (rtnetlink(7)).
 *
 * <p>Any number of threads may use it; batches and reads run one at a time. Calls block in the kernel, a virtual thread
 * together with its carrier: call from platform threads. Every method throws {@link NetlinkException} if the kernel
 * refuses, and {@link IllegalStateException} after {@link #close()}.
 */
public final class Rtnetlink implements Netlink {
    /** No route, or one of the types unreachable, prohibit or blackhole. */
    private static final Set<Integer> NO_ROUTE =
            Set.of(Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EACCES, Errno.EINVAL);

    private final NetlinkSocket socket;

    private Rtnetlink(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens the calling thread's namespace. */
    public static Rtnetlink open() {
        return new Rtnetlink(NetlinkSocket.open());
    }

    /** Opens another namespace. It exists as long as this is open, whether or not {@code namespace} is closed. */
    public static Rtnetlink open(NetworkNamespace namespace) {
        return new Rtnetlink(namespace.call(NetlinkSocket::open));
    }

    /**
     * Executes the requests in order, sent to the kernel at once (or in parts of more than a hundred each), and returns
     * when all are done. Each is tried, even if an earlier one failed: a batch is not a transaction.
     *
     * @throws NetlinkException for the first that failed, the further failures as its suppressed exceptions
     */
    @Override
    public void execute(List<Request> requests) {
        NetlinkException first = null;
        for (NetlinkSocket.Failure failure : socket.execute(requests)) {
            Request request = requests.get(failure.index());
            if (request.ignores(failure.errno())) {
                continue;
            }
            NetlinkException exception =
                    new NetlinkException(request.toString(), failure.errno(), failure.extendedAck(), failure.index());
            if (first == null) {
                first = exception;
            } else {
                first.addSuppressed(exception);
            }
        }
        if (first != null) {
            throw first;
        }
    }

    /** All links. */
    @Override
    public List<Link> links() {
        return socket.dump(Requests.listLinks(), LinkMessage::read);
    }

    /** The link of this name, if there is one. */
    @Override
    public Optional<Link> link(InterfaceName name) {
        return orGone(Optional.empty(), () -> socket.get(Requests.getLink(name), LinkMessage::read));
    }

    /** The link with this index, if there is one. */
    @Override
    public Optional<Link> link(int index) {
        return orGone(Optional.empty(), () -> socket.get(Requests.getLink(index), LinkMessage::read));
    }

    /** All addresses of both families. */
    @Override
    public List<Address> addresses() {
        return socket.dump(Requests.listAddresses(0), AddressMessage::read);
    }

    /** The addresses of one link, of both families; none if the link does not exist. */
    @Override
    public List<Address> addresses(int interfaceIndex) {
        return orGone(
                List.of(),
                () -> socket.dump(Requests.listAddresses(interfaceIndex), AddressMessage::read).stream()
                        .filter(address -> address.interfaceIndex() == interfaceIndex)
                        .toList());
    }

    /**
     * The addresses of a link in another namespace, of both families; none if the link or the namespace does not exist.
     *
     * @param namespaceId this namespace's identifier of the other one, as in {@link Link#peerNamespaceId()}
     */
    public List<Address> addressesIn(int namespaceId, int interfaceIndex) {
        return orGone(
                List.of(),
                () -> socket.dump(Requests.listAddresses(interfaceIndex, namespaceId), AddressMessage::read).stream()
                        .filter(address -> address.interfaceIndex() == interfaceIndex)
                        .toList());
    }

    /** The route that a packet from here to this address would take; empty if it would be refused. */
    @Override
    public Optional<Route> routeTo(IpAddress destination) {
        return orUnreachable(() -> socket.get(Requests.getRoute(destination), RouteMessage::read));
    }

    /** The source address of what is sent from here to this address, if nobody says another; empty without a route. */
    public Optional<IpAddress> sourceTo(IpAddress destination) {
        return orUnreachable(() -> socket.get(Requests.resolve(destination), RouteMessage::readSource));
    }

    private static <T> Optional<T> orUnreachable(Supplier<Optional<T>> request) {
        try {
            return request.get();
        } catch (NetlinkException e) {
            if (NO_ROUTE.contains(e.errno())) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** All routes of a family, of every table. */
    public List<Route> routes(IpFamily family) {
        return routes(family, RouteFilter.ALL);
    }

    /** The routes that leave by one link, of every table; none if the link does not exist. */
    public List<Route> routes(IpFamily family, int interfaceIndex) {
        return routes(family, RouteFilter.ALL.link(interfaceIndex));
    }

    /** The routes that pass the filter; none if the filter's link or table does not exist. */
    @Override
    public List<Route> routes(IpFamily family, RouteFilter filter) {
        return orGone(
                List.of(),
                () -> socket.dump(Requests.listRoutes(family, filter), RouteMessage::read).stream()
                        // A kernel without IPv6 answers with everything that it has of other families.
                        .filter(route -> route.destination().family() == family && filter.matches(route))
                        .toList());
    }

    /** The neighbour entries of one link; none if the link does not exist. */
    @Override
    public List<Neighbour> neighbours(IpFamily family, int interfaceIndex) {
        return orGone(
                List.of(),
                () -> socket.dump(Requests.listNeighbours(family, interfaceIndex), NeighbourMessage::read).stream()
                        .filter(neighbour -> neighbour.interfaceIndex() == interfaceIndex
                                && neighbour.address().family() == family)
                        .toList());
    }

    /** The forwarding entries of one VXLAN link, bridge or bridge port; none if the link does not exist. */
    @Override
    public List<FdbEntry> fdb(int interfaceIndex) {
        return orGone(
                List.of(),
                () -> socket.dump(Requests.listFdb(interfaceIndex), NeighbourMessage::readFdb).stream()
                        .filter(entry -> entry.interfaceIndex() == interfaceIndex)
                        .toList());
    }

    /** All rules of a family, in order of their priority. */
    public List<Rule> rules(IpFamily family) {
        return socket.dump(Requests.listRules(family), RuleMessage::read).stream()
                .filter(rule -> rule.family() == family)
                .toList();
    }

    /**
     * The filters of a link that has clsact, those of other kinds than BPF without name and program; none if the link
     * does not exist or has no clsact.
     *
     * @param received those for what it receives, or otherwise for what it sends
     */
    public List<BpfFilter> filters(int interfaceIndex, boolean received) {
        return orGone(
                List.of(), () -> socket.dump(Requests.listFilters(interfaceIndex, received), FilterMessage::read));
    }

    /** A link or a table that is not there holds nothing, which is an answer. */
    private static <T> T orGone(T nothing, Supplier<T> reading) {
        try {
            return reading.get();
        } catch (NetlinkException e) {
            if (e.errno() == Errno.ENODEV || e.errno() == Errno.ENOENT) {
                return nothing;
            }
            throw e;
        }
    }

    /** Closes the socket when the current call has ended; idempotent. */
    @Override
    public void close() {
        socket.close();
    }
}
