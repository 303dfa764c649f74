package dev.ikat.cni;

/**
 * The error codes of section 5 "Error", and Ikat's own, which start at 100.
 *
 * <p>Which is which matters to a runtime for {@link #TRY_AGAIN_LATER} alone; for people the message is what counts.
 */
public enum CniError {
    INCOMPATIBLE_VERSION(1),
    UNSUPPORTED_FIELD(2),
    UNKNOWN_CONTAINER(3),
    INVALID_ENVIRONMENT(4),
    IO_FAILURE(5),
    UNDECODABLE(6),
    INVALID_NETWORK_CONFIG(7),
    TRY_AGAIN_LATER(11),
    /** STATUS: the plugin can't serve ADD. */
    NOT_AVAILABLE(50),
    /** STATUS: the plugin can't serve ADD, and containers may have lost connectivity. */
    LIMITED_CONNECTIVITY(51),
    /** The kernel refused a step. */
    KERNEL(100),
    /** There is an interface of this name in the container already, which Ikat did not make. */
    INTERFACE_TAKEN(101),
    /** CHECK found the container other than ADD left it. */
    NOT_AS_ADDED(102),
    /** A fault of the plugin. */
    INTERNAL(103);

    private final int code;

    CniError(int code) {
        this.code = code;
    }

    /** The number in the error object. */
    public int code() {
        return code;
    }
}
