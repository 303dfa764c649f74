package dev.ikat.nftables;

/** This machine has no usable libnftables: the library is missing, or the kernel gives it no socket. */
public final class NftablesUnavailableException extends NftablesException {
    private static final long serialVersionUID = 1L;

    NftablesUnavailableException(String message) {
        super(message);
    }

    NftablesUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
