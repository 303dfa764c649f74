package dev.ikat.dataplane;

/** A backend could not do what was asked, and no part of it is in force. */
public class PolicyBackendException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public PolicyBackendException(String message) {
        super(message);
    }

    public PolicyBackendException(String message, Throwable cause) {
        super(message, cause);
    }
}
