package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import java.util.List;
import java.util.Optional;

/**
 * The network configuration of one namespace, for callers that compare it with the desired state and repair it;
 * {@link Rtnetlink} is the kernel's. Thread-safe. Every method throws {@link NetlinkException} if the kernel refuses.
 */
public interface Netlink extends AutoCloseable {
    /** As {@link #execute(List)}. */
    default void execute(Request... requests) {
        execute(List.of(requests));
    }

    /**
     * Executes the requests in order and returns when all are done. Each is tried, even if an earlier one failed: a
     * batch is not a transaction.
     *
     * @throws NetlinkException for the first that failed, the further failures as its suppressed exceptions
     */
    void execute(List<Request> requests);

    /** All links. */
    List<Link> links();

    /** The link of this name, if there is one. */
    Optional<Link> link(InterfaceName name);

    /** The link with this index, if there is one. */
    Optional<Link> link(int index);

    /** All addresses of both families. */
    List<Address> addresses();

    /** The addresses of one link, of both families; none if the link does not exist. */
    List<Address> addresses(int interfaceIndex);

    /** The routes that pass the filter; none if the filter's link or table does not exist. */
    List<Route> routes(IpFamily family, RouteFilter filter);

    /** The route that a packet from here to this address would take; empty if it would be refused. */
    Optional<Route> routeTo(IpAddress destination);

    /** The neighbour entries of one link; none if the link does not exist. */
    List<Neighbour> neighbours(IpFamily family, int interfaceIndex);

    /** The forwarding entries of one VXLAN link, bridge or bridge port; none if the link does not exist. */
    List<FdbEntry> fdb(int interfaceIndex);

    /** Releases its resources; idempotent. */
    @Override
    void close();
}
