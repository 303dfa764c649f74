package dev.ikat.cni;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Ipv4Setting;
import dev.ikat.netlink.route.LinkChange;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What the host's end of a pod's link takes from the pod: packets, and nothing that would tell the node about the
 * network. All that the node has to know of the pod are permanent entries, so it believes no ARP and no neighbour
 * discovery, no router that advertises itself, no redirect, and sends nothing on by a route that the sender wrote into
 * the packet. A new link begins with the host's defaults, which may say otherwise.
 */
final class LinkGuard {
    /** The chained portmap plugin turns this on for a pod whose host port is to be reached from the host itself. */
    private static final Ipv4Setting OTHERS_SET = Ipv4Setting.ROUTE_LOCALNET;

    /** Below net.ipv6.conf; netlink has no way to set them. */
    private static final List<String> IPV6 =
            List.of("accept_ra", "accept_redirects", "accept_untracked_na", "seg6_enabled", "rpl_seg_enabled");

    private LinkGuard() {}

    /** For a link that was just made. */
    static LinkChange atBirth(InterfaceName hostEnd) {
        return LinkChange.of(hostEnd).noArp().ipv4Off(EnumSet.allOf(Ipv4Setting.class));
    }

    /** For one that has been in use. */
    static LinkChange later(int hostEnd) {
        Set<Ipv4Setting> settings = EnumSet.allOf(Ipv4Setting.class);
        settings.remove(OTHERS_SET);
        return LinkChange.of(hostEnd).noArp().ipv4Off(settings);
    }

    /** Turns off of IPv6 what netlink can't. */
    static void refuseIpv6(NetworkNamespace host, InterfaceName hostEnd) {
        host.call(() -> {
            for (String setting : IPV6) {
                try {
                    Sysctl.write(Sysctl.ofInterface(IpFamily.IPV6, hostEnd, setting), "0");
                } catch (NetlinkException e) {
                    // A kernel without IPv6 or this setting has nothing to turn off, as has a link that is gone; where
                    // nobody may write, the host's defaults are somebody's choice.
                    if (e.errno() != Errno.ENOENT && e.errno() != Errno.EROFS) {
                        throw e;
                    }
                }
            }
            return true;
        });
    }
}
