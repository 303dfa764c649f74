package dev.ikat.ebpf.kernel;

/** This host lacks something that eBPF policies need; the message says what, and what to do. */
public final class EbpfUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EbpfUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
