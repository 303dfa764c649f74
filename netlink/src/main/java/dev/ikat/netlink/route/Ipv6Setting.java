package dev.ikat.netlink.route;

import java.util.Locale;

/**
 * The IPv6 settings of an interface that Ikat looks at (DEVCONF_*, {@code linux/ipv6.h}). Netlink shows them, but only
 * the sysctls of the same names, net.ipv6.conf.*, change them.
 */
public enum Ipv6Setting {
    ACCEPT_RA(3),
    ACCEPT_REDIRECTS(4),
    PROXY_NDP(22);

    private final int code;

    Ipv6Setting(int code) {
        this.code = code;
    }

    /** The kernel's number for it. */
    int code() {
        return code;
    }

    /** The name of its sysctl. */
    public String parameter() {
        return name().toLowerCase(Locale.ROOT);
    }
}
