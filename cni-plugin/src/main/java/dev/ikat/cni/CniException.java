package dev.ikat.cni;

/** A request can't be fulfilled. The runtime gets this as an error object (section 5 "Error"). */
public final class CniException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final CniError error;
    private final String details;

    /**
     * @param error the kind of error
     * @param message what failed, in one sentence
     * @param details what was found and what to do about it; may be empty
     */
    public CniException(CniError error, String message, String details) {
        super(message);
        this.error = error;
        this.details = details;
    }

    /**
     * @param error the kind of error
     * @param message what failed, in one sentence
     * @param cause the cause, whose message becomes the details
     */
    public CniException(CniError error, String message, Throwable cause) {
        super(message, cause);
        this.error = error;
        this.details = String.valueOf(cause.getMessage());
    }

    /** The kind of error. */
    public CniError error() {
        return error;
    }

    /** What was found and what to do about it; may be empty. */
    public String details() {
        return details;
    }
}
