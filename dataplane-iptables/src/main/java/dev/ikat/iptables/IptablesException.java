package dev.ikat.iptables;

/** A program of iptables or ipset failed; what it was to change is unchanged. */
public final class IptablesException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    IptablesException(String message) {
        super(message);
    }

    IptablesException(String message, Throwable cause) {
        super(message, cause);
    }
}
