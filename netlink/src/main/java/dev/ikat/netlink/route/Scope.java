package dev.ikat.netlink.route;

/** How far an address or a route reaches (enum rt_scope_t, linux/rtnetlink.h). */
public final class Scope {
    /** RT_SCOPE_UNIVERSE: everywhere; the only scope that IPv6 routes have. */
    public static final int UNIVERSE = 0;
    /** RT_SCOPE_LINK: what is directly attached. */
    public static final int LINK = 253;
    /** RT_SCOPE_HOST: this host itself. */
    public static final int HOST = 254;

    private Scope() {}
}
