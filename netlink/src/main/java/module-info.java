/**
 * The kernel's network interface, through the JDK's foreign function API alone: netlink, namespaces, sysctl, ethtool.
 */
module dev.ikat.netlink {
    requires transitive dev.ikat.model;
    requires static org.jspecify;

    exports dev.ikat.netlink;
}
