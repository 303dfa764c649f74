package dev.ikat.netlink.namespace;

/**
 * The path of a network namespace does not exist, or is not a network namespace any more: after a namespace was
 * unmounted, its mount point is a plain file. The CNI's DEL takes this as "nothing left to do".
 */
public final class NamespaceGoneException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String path;

    NamespaceGoneException(String path, String reason) {
        super("open network namespace " + path + ": " + reason);
        this.path = path;
    }

    /** The path that was to be opened. */
    String path() {
        return path;
    }
}
