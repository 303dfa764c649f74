package dev.ikat.ipam;

/** Why the lease store did not do what it was asked. Nothing has changed when one of these is thrown. */
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
