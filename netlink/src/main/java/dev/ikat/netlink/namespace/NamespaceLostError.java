package dev.ikat.netlink.namespace;

/** The calling thread is in a network namespace that it cannot leave: nothing that it does from here on is right. */
public final class NamespaceLostError extends Error {
    private static final long serialVersionUID = 1L;

    NamespaceLostError(NetworkNamespace namespace) {
        super("this thread could not leave " + namespace + " and has to end for that");
    }
}
