package dev.ikat.model;

/** The names of the links that Ikat makes on a node, by which every part knows its own. */
public final class LinkNames {
    /** What the host end of a pod's link begins with; {@link #POD_DIGITS} hexadecimal digits follow. */
    public static final String POD_PREFIX = "ik";

    /** How many hexadecimal digits follow the prefix. */
    public static final int POD_DIGITS = 11;

    /** The VXLAN device to the other nodes. It begins like a pod's link, and is none. */
    public static final String OVERLAY = "ikat-vxlan";

    private LinkNames() {}

    /**
     * Whether a link of this name is a pod's or may be one: it begins as one, and is not the overlay's. What is sure,
     * the link's kind and alias say.
     */
    public static boolean isPodLink(InterfaceName name) {
        return name.value().startsWith(POD_PREFIX) && !name.value().equals(OVERLAY);
    }
}
