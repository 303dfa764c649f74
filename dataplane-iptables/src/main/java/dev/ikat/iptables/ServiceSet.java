package dev.ikat.iptables;

/**
 * The sets of services; there is one of each for each family. Members are added in this order before the rules of a
 * change, and removed in the reverse order after them, so that a packet between two steps is treated as before the
 * change or as after it.
 */
enum ServiceSet {
    /** This node's blocks of pods' addresses. */
    PODS("pods", "hash:net"),
    /** The blocks from which services' addresses within the cluster are taken. */
    BLOCKS("blocks", "hash:net"),
    /** Backends on this node, as destination and source of what they send to themselves. */
    HAIRPIN("hairpin", "hash:ip,port,ip"),
    /** From where connections to the frontends in {@link #RANGED} are accepted. */
    SOURCES("sources", "hash:ip,port,net"),
    /** Frontends that accept connections from some sources only. */
    RANGED("ranged", "hash:ip,port"),
    /** Frontends that drop connections from inside. */
    DROPPED_INSIDE("dropped-inside", "hash:ip,port"),
    /** Frontends that drop connections from outside. */
    DROPPED_OUTSIDE("dropped-outside", "hash:ip,port"),
    /** Frontends that do not serve everybody: what comes to one and is not translated is dropped or refused. */
    UNSERVED("unserved", "hash:ip,port"),
    /** Frontends that serve somebody. */
    FRONTENDS("frontends", "hash:ip,port"),
    /**
     * Services' addresses within the cluster, which refuse what is for none of their frontends. They alone are added
     * after the rules and removed before them.
     */
    ADDRESSES("addresses", "hash:ip");

    private final String role;
    private final String type;

    ServiceSet(String role, String type) {
        this.role = role;
        this.type = type;
    }

    /** What it is for, as a part of its name. */
    String role() {
        return role;
    }

    /** Its type, as ipset calls it. */
    String type() {
        return type;
    }
}
