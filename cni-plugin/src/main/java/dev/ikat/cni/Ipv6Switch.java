package dev.ikat.cni;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Rtnetlink;
import java.util.List;
import java.util.Set;

/**
 * IPv6 of one link. A host or a runtime may have it off for every new link ({@code net.ipv6.conf.default.disable_ipv6}
 * and {@code all}); a link that carries a pod's IPv6 address gets it switched on, and no other link does.
 */
final class Ipv6Switch {
    /** How the kernel refuses routes, addresses and neighbours of a link whose IPv6 is off. */
    private static final Set<Integer> IPV6_IS_OFF = Set.of(Errno.EACCES, Errno.EINVAL, Errno.ENODEV);

    private Ipv6Switch() {}

    /**
     * Executes the requests. If the kernel refuses one because IPv6 is off for the link, switches it on and executes
     * all of them again: they have to be repeatable.
     *
     * @param namespace that of the link and the socket
     * @throws NetlinkException if the kernel refuses for another reason
     */
    static void execute(Rtnetlink socket, List<Request> requests, NetworkNamespace namespace, InterfaceName link) {
        try {
            socket.execute(requests);
        } catch (NetlinkException e) {
            // Looking first would cost every pod what hardly any of them needs.
            if (!turnOn(e, namespace, link)) {
                throw e;
            }
            socket.execute(requests);
        }
    }

    /** Whether IPv6 was off for the link, which may be why the kernel refused; then it is on now. */
    static boolean turnOn(NetlinkException refusal, NetworkNamespace namespace, InterfaceName link) {
        return IPV6_IS_OFF.contains(refusal.errno()) && turnOn(namespace, link);
    }

    /** Whether IPv6 was off for the link; it is on now. */
    static boolean turnOn(NetworkNamespace namespace, InterfaceName link) {
        String key = Sysctl.ofInterface(IpFamily.IPV6, link, "disable_ipv6");
        return namespace.call(() -> {
            try {
                if (Sysctl.read(key).equals("0")) {
                    return false;
                }
            } catch (NetlinkException e) {
                if (e.errno() == Errno.ENOENT) {
                    // A kernel without IPv6, a link whose MTU is too small for it, or no link at all.
                    return false;
                }
                throw e;
            }
            Sysctl.write(key, "0");
            return true;
        });
    }
}
