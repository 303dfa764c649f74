package dev.ikat.cni;

/**
 * The error codes of section 5 "Error", and Ikat's own, which start at 100.
 *
 * <p>A runtime distinguishes only {@link #TRY_AGAIN_LATER} from the others; for people the message is what matters.
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
    /** The container already has an interface of this name, which Ikat did not create. */
    INTERFACE_TAKEN(101),
    /** CHECK found differences from what ADD created. */
    NOT_AS_ADDED(102),
    /** A defect of the plugin. */
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
