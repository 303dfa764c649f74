package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import java.util.List;
import java.util.Optional;

/**
 * The network configuration of one namespace, as {@link Rtnetlink} has it of the kernel: what those need who compare it
 * with what it should be and repair it. Thread-safe. Every method throws {@link NetlinkException} where the kernel
 * refuses.
 */
public interface Netlink extends AutoCloseable {
    /** As {@link #execute(List)}. */
    default void execute(Request... requests) {
        execute(List.of(requests));
    }

    /**
     * Executes the requests in order and returns when all are done. Each is tried, whatever became of those before it:
     * a batch is no transaction.
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

    /** The addresses of one link, of both families; none where the link is gone. */
    List<Address> addresses(int interfaceIndex);

    /** The routes that pass the filter; none where its link or table is not there. */
    List<Route> routes(IpFamily family, RouteFilter filter);

    /** The neighbours on one link; none where the link is gone. */
    List<Neighbour> neighbours(IpFamily family, int interfaceIndex);

    /** The forwarding entries of one VXLAN, bridge or bridge port; none where the link is gone. */
    List<FdbEntry> fdb(int interfaceIndex);

    /** Lets go of what it was opened with; idempotent. */
    @Override
    void close();
}
