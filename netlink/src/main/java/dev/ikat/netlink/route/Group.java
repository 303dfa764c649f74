package dev.ikat.netlink.route;

import java.util.List;

/**
 * The kernel's multicast groups, for both address families (RTNLGRP_*, {@code linux/rtnetlink.h}): which changes to
 * report.
 */
public enum Group {
    /** Links that are created, changed or deleted. */
    LINK,
    /** Addresses. */
    ADDRESS,
    /** Routes, of every table. */
    ROUTE,
    /** Neighbours and forwarding entries. */
    NEIGHBOUR,
    /** Policy routing rules. */
    RULE,
    /** IP settings of links: forwarding, reverse path filter, proxies. */
    SETTINGS;

    private static final int RTNLGRP_LINK = 1;
    private static final int RTNLGRP_NEIGH = 3;
    private static final int RTNLGRP_IPV4_IFADDR = 5;
    private static final int RTNLGRP_IPV4_ROUTE = 7;
    private static final int RTNLGRP_IPV4_RULE = 8;
    private static final int RTNLGRP_IPV6_IFADDR = 9;
    private static final int RTNLGRP_IPV6_ROUTE = 11;
    private static final int RTNLGRP_IPV6_RULE = 19;
    private static final int RTNLGRP_IPV4_NETCONF = 24;
    private static final int RTNLGRP_IPV6_NETCONF = 25;

    List<Integer> numbers() {
        return switch (this) {
            case LINK -> List.of(RTNLGRP_LINK);
            case ADDRESS -> List.of(RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR);
            case ROUTE -> List.of(RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE);
            case NEIGHBOUR -> List.of(RTNLGRP_NEIGH);
            case RULE -> List.of(RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE);
            case SETTINGS -> List.of(RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF);
        };
    }
}
