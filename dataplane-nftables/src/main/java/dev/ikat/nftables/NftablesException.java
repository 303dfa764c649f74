package dev.ikat.nftables;

/** A transaction that nftables refused, or an answer of nftables that cannot be read; nothing of it is in force. */
public class NftablesException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NftablesException(String message) {
        super(message);
    }

    NftablesException(String message, Throwable cause) {
        super(message, cause);
    }
}
