package dev.ikat.nftables;

/** This host has no usable libnftables: the library is missing, or the kernel refuses it a socket. */
public final class NftablesUnavailableException extends NftablesException {
    private static final long serialVersionUID = 1L;

    NftablesUnavailableException(String message) {
        super(message);
    }

    NftablesUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
