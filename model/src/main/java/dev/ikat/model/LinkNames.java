package dev.ikat.model;

/** The names of the links that Ikat creates on a node. Every part recognizes Ikat's links by them. */
public final class LinkNames {
    /** The beginning of the name of a veth pair's host end; {@link #POD_DIGITS} hexadecimal digits follow. */
    public static final String POD_PREFIX = "ik";

    /** How many hexadecimal digits follow the prefix. */
    public static final int POD_DIGITS = 11;

    /** The VXLAN link to the other nodes. Its name begins like that of a pod's link, but it is not one. */
    public static final String OVERLAY = "ikat-vxlan";

    /**
     * The VXLAN link to those nodes that have no address of the family that {@link #OVERLAY} sends by. Its name begins
     * with that one's, so that a filter by the beginning of names is about both.
     */
    public static final String OTHER_OVERLAY = OVERLAY + "2";

    private LinkNames() {}

    /**
     * Whether a link of this name is or may be a pod's: the name begins like one and is not the overlay's. Only the
     * link's kind and alias prove it.
     */
    public static boolean isPodLink(InterfaceName name) {
        return name.value().startsWith(POD_PREFIX) && !isOverlay(name);
    }

    /** Whether this is the name of one of the overlay's links. */
    public static boolean isOverlay(InterfaceName name) {
        return name.value().equals(OVERLAY) || name.value().equals(OTHER_OVERLAY);
    }
}
