package dev.ikat.netlink.route;

/**
 * What IPv4 keeps for each interface (IPV4_DEVCONF_*, linux/ip.h), of that what is set here; the sysctls of the same
 * names, net.ipv4.conf.*, say what each does (Documentation/networking/ip-sysctl.rst).
 */
public enum Ipv4Setting {
    PROXY_ARP(3),
    ACCEPT_REDIRECTS(4),
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
