package dev.ikat.netlink.process;

/** Parts of root's rights (linux/capability.h, capabilities(7)). */
public enum Capability {
    /** Ports below 1024. */
    NET_BIND_SERVICE(10),
    /** Links, routes and rules. */
    NET_ADMIN(12),
    /** Raw and packet sockets. */
    NET_RAW(13);

    private final int number;

    Capability(int number) {
        this.number = number;
    }

    long bit() {
        return 1L << number;
    }
}
