package dev.ikat.ipam;

/** The reason why the lease store refused a request. When one of these is thrown, nothing has changed. */
public abstract sealed class IpamException extends RuntimeException
        permits AddressExhaustedException,
                AddressUnavailableException,
                AttachmentTakenException,
                LeaseBusyException,
                LeaseGoneException,
                LeaseStoreException {
    private static final long serialVersionUID = 1L;

    IpamException(String message) {
        super(message);
    }

    IpamException(String message, Throwable cause) {
        super(message, cause);
    }
}
