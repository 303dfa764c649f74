/**
 * The kernel's network interface, through the JDK's foreign function API alone: netlink, namespaces, sysctl, ethtool,
 * packet sockets. What bytes look like, {@code dev.ikat.netlink.wire}, stays inside.
 */
module dev.ikat.netlink {
    requires transitive dev.ikat.model;
    requires static org.jspecify;

    exports dev.ikat.netlink;
    exports dev.ikat.netlink.diag;
    exports dev.ikat.netlink.namespace;
    exports dev.ikat.netlink.netfilter;
    exports dev.ikat.netlink.packet;
    exports dev.ikat.netlink.process;
    exports dev.ikat.netlink.route;
}
