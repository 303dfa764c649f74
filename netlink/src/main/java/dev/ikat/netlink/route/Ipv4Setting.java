package dev.ikat.netlink.route;

/**
 * The IPv4 settings of an interface that Ikat sets or checks (IPV4_DEVCONF_*, {@code linux/ip.h}).
 * Documentation/networking/ip-sysctl.rst explains the sysctls of the same names, net.ipv4.conf.*.
 */
public enum Ipv4Setting {
    FORWARDING(1),
    PROXY_ARP(3),
    ACCEPT_REDIRECTS(4),
    RP_FILTER(8),
    ACCEPT_SOURCE_ROUTE(9),
    ARP_ACCEPT(21),
    ACCEPT_LOCAL(23),
    PROXY_ARP_PVLAN(25),
    ROUTE_LOCALNET(26),
    BC_FORWARDING(32);

    private final int code;

    Ipv4Setting(int code) {
        this.code = code;
    }

    /** The kernel's number for it. */
    int code() {
        return code;
    }
}
