package dev.ikat.netlink.route;

/** Who created a route or a rule (RTPROT_*, {@code linux/rtnetlink.h}). */
public final class RouteProtocol {
    /** RTPROT_KERNEL: the kernel itself, along with an address. */
    public static final int KERNEL = 2;
    /** RTPROT_BOOT: "ip route add" without an explicit protocol. */
    public static final int BOOT = 3;
    /** RTPROT_STATIC: the administrator. */
    public static final int STATIC = 4;
    /** RTPROT_RA: router advertisements. */
    public static final int RA = 9;
    /** RTPROT_BIRD: BIRD, whoever has started it. */
    public static final int BIRD = 12;
    /** RTPROT_DHCP: a DHCP client. */
    public static final int DHCP = 16;
    /** Calico's own number for its routes, by default; the kernel knows none of that name. */
    public static final int CALICO = 80;
    /** Every route and rule that Ikat creates. The kernel gives no meaning to numbers from RTPROT_STATIC on. */
    public static final int IKAT = 0x6b;

    private RouteProtocol() {}
}
