package dev.ikat.netlink.route;

import dev.ikat.model.IpFamily;
import java.util.Optional;

/**
 * Settings of one link, or of all, in one address family, as a notification of the kernel has them: what has changed,
 * or everything for a link that is new.
 *
 * @param family the address family
 * @param interfaceIndex the link's index; {@link #ALL}, or {@link #DEFAULT} for links to come
 * @param forwarding whether packets that arrive on the link are forwarded
 * @param reversePathFilter 0 for none, 1 for strict, 2 for loose (IPv4)
 * @param proxy whether it answers for the addresses of others (proxy_arp, proxy_ndp)
 */
public record Netconf(
        IpFamily family,
        int interfaceIndex,
        Optional<Boolean> forwarding,
        Optional<Integer> reversePathFilter,
        Optional<Boolean> proxy) {
    /** NETCONFA_IFINDEX_ALL, {@code linux/netconf.h}. */
    public static final int ALL = -1;
    /** NETCONFA_IFINDEX_DEFAULT, {@code linux/netconf.h}. */
    public static final int DEFAULT = -2;

    /** Whether this is everything about a link that is new, and not a change. */
    public boolean isComplete() {
        return forwarding.isPresent() && proxy.isPresent();
    }
}
