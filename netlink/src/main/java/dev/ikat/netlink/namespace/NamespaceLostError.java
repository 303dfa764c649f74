package dev.ikat.netlink.namespace;

/**
 * The calling thread is in a network namespace that it cannot leave: whatever it does from now on would happen in the
 * wrong namespace.
 */
public final class NamespaceLostError extends Error {
    private static final long serialVersionUID = 1L;

    NamespaceLostError(NetworkNamespace namespace) {
        super("this thread could not leave " + namespace + " and has to end because of that");
    }
}
