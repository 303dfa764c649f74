package dev.ikat.nftables;

/** nftables refused a transaction, or gave an answer that cannot be read; no part of the transaction is in force. */
public class NftablesException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NftablesException(String message) {
        super(message);
    }

    NftablesException(String message, Throwable cause) {
        super(message, cause);
    }
}
