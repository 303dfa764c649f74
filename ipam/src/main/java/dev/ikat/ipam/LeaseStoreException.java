package dev.ikat.ipam;

/** The files of the lease store can't be read or written. */
public final class LeaseStoreException extends IpamException {
    private static final long serialVersionUID = 1L;

    LeaseStoreException(String message) {
        super(message);
    }

    LeaseStoreException(String message, Throwable cause) {
        super(message, cause);
    }
}
