package dev.ikat.cni;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Ipv4Setting;
import dev.ikat.netlink.route.Ipv6Setting;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What the host's end of a pod's link takes from the pod: packets, and nothing that would tell the node about the
 * network. All that the node has to know of the pod are permanent entries, so it believes no ARP and no neighbour
 * discovery, no router that advertises itself, no redirect, and sends nothing on by a route that the sender wrote into
 * the packet. A new link begins with the host's defaults, which may say otherwise.
 */
final class LinkGuard {
    /** The chained portmap plugin turns this on for a pod whose host port is to be reached from the host itself. */
    private static final Ipv4Setting OTHERS_SET = Ipv4Setting.ROUTE_LOCALNET;

    /** Off; of a filter by the reverse path only the strict one is, which asks for routes to be as Ikat's are. */
    private static final Map<Ipv4Setting, Integer> AT_BIRTH = atBirth();

    private static final Map<Ipv4Setting, Integer> LATER = later();
    private static final Map<Ipv4Setting, Integer> LATER_FORWARDING = laterForwarding();

    /** Below net.ipv6.conf; netlink has no way to set them. */
    private static final List<String> IPV6 =
            List.of("accept_ra", "accept_redirects", "accept_untracked_na", "seg6_enabled", "rpl_seg_enabled");

    private static final int STRICT = 1;

    private LinkGuard() {}

    private static Map<Ipv4Setting, Integer> atBirth() {
        Map<Ipv4Setting, Integer> values = new EnumMap<>(Ipv4Setting.class);
        for (Ipv4Setting setting : Ipv4Setting.values()) {
            values.put(setting, 0);
        }
        // A new link has what the host has for all, and the host may begin to forward only now.
        values.remove(Ipv4Setting.FORWARDING);
        return Collections.unmodifiableMap(values);
    }

    private static Map<Ipv4Setting, Integer> laterForwarding() {
        Map<Ipv4Setting, Integer> values = new EnumMap<>(LATER);
        values.put(Ipv4Setting.FORWARDING, 1);
        return Collections.unmodifiableMap(values);
    }

    private static Map<Ipv4Setting, Integer> later() {
        Map<Ipv4Setting, Integer> values = new EnumMap<>(AT_BIRTH);
        values.remove(OTHERS_SET);
        return Collections.unmodifiableMap(values);
    }

    /** For a link that was just made. */
    static LinkChange atBirth(InterfaceName hostEnd) {
        return LinkChange.of(hostEnd).noArp().ipv4(AT_BIRTH);
    }

    /**
     * For one that has been in use.
     *
     * @param forwards whether the host forwards IPv4
     */
    static LinkChange later(int hostEnd, boolean forwards) {
        return LinkChange.of(hostEnd).noArp().ipv4(forwards ? LATER_FORWARDING : LATER);
    }

    /**
     * Whether this host end is as it was made: nobody has opened it, or keeps its packets from being forwarded.
     *
     * @param forwards whether the host forwards IPv4
     */
    static boolean holds(Link hostEnd, boolean forwards) {
        return hostEnd.isNoArp()
                && (!forwards
                        || hostEnd.settings().value(Ipv4Setting.FORWARDING).orElse(1) != 0)
                && LATER.keySet().stream().allMatch(setting -> isOff(hostEnd, setting))
                && Stream.of(Ipv6Setting.values())
                        .allMatch(setting -> hostEnd.settings().value(setting).orElse(0) == 0);
    }

    private static boolean isOff(Link hostEnd, Ipv4Setting setting) {
        int value = hostEnd.settings().value(setting).orElse(0);
        return setting == Ipv4Setting.RP_FILTER ? value != STRICT : value == 0;
    }

    /** Turns off of IPv6 what netlink can't. */
    static void refuseIpv6(NetworkNamespace host, InterfaceName hostEnd) {
        turnOff(host, hostEnd, IPV6);
    }

    /** The same for a link that has been in use. */
    static void refuseIpv6Again(NetworkNamespace host, InterfaceName hostEnd) {
        List<String> settings = new ArrayList<>(IPV6);
        settings.add(Ipv6Setting.PROXY_NDP.parameter());
        turnOff(host, hostEnd, settings);
    }

    private static void turnOff(NetworkNamespace host, InterfaceName hostEnd, List<String> settings) {
        host.call(() -> {
            for (String setting : settings) {
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
