package dev.ikat.netlink.route;

/** Who made a route or a rule (RTPROT_*, linux/rtnetlink.h). */
public final class RouteProtocol {
    /** RTPROT_KERNEL: the kernel itself, along with an address. */
    public static final int KERNEL = 2;
    /** RTPROT_BOOT: what "ip route add" says unless told otherwise. */
    public static final int BOOT = 3;
    /** RTPROT_STATIC: the administrator. */
    public static final int STATIC = 4;
    /** Every route and rule that Ikat makes. The kernel gives no meaning to numbers from RTPROT_STATIC on. */
    public static final int IKAT = 0x6b;

    private RouteProtocol() {}
}
