package dev.ikat.agent.overlay;

import dev.ikat.model.LinkNames;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import java.util.Optional;

/**
 * Says what keeps the tunnel link from being made, or from being set up: the kernel has one UDP socket for a port, and
 * two VXLAN links share it only where they have the same settings. A link in external mode, as Cilium's, shares it with
 * no other kind.
 */
final class TunnelObstacle {
    private final Netlink netlink;

    TunnelObstacle(Netlink netlink) {
        this.netlink = netlink;
    }

    /** Whether the kernel refused the tunnel link because of something else on the host. */
    static boolean isReason(NetlinkException refusal) {
        return refusal.errno() == Errno.EADDRINUSE || refusal.errno() == Errno.EEXIST;
    }

    /** What is in the way, whose it is, and what to do about it. */
    String describe(OverlayState.Tunnel wanted, NetlinkException refusal) {
        // An external link has no network identifier, and the kernel shows none.
        Optional<Link> other = netlink.links().stream()
                .filter(link -> !LinkNames.isOverlay(link.name()))
                .filter(link -> link.vxlan()
                        .filter(vxlan -> vxlan.port() == wanted.port()
                                && (refusal.errno() == Errno.EADDRINUSE || vxlan.vni() == wanted.vni()))
                        .isPresent())
                .findFirst();
        String what = refusal.errno() == Errno.EADDRINUSE
                ? "UDP port " + wanted.port()
                : "VXLAN network identifier " + wanted.vni() + " at UDP port " + wanted.port();
        return "nothing can be tunnelled over " + wanted.family().title() + ", because " + what
                + other.map(TunnelObstacle::owner)
                        .orElseGet(() -> " is in use by another program, which 'ss -lunp sport = :" + wanted.port()
                                + "' shows; end it, or choose another --vxlan-port for all nodes (the kernel said: "
                                + refusal.getMessage() + ")");
    }

    private static String owner(Link link) {
        return " is in use by the link " + link.name()
                + FormerCni.ofLink(link.name())
                        .map(cni -> ", which " + cni.title() + " has probably left; remove it: ")
                        .orElse("; if nothing needs it any more, remove it, else choose another --vxlan-port for all"
                                + " nodes: ")
                + FormerCni.removal(link.name());
    }
}
