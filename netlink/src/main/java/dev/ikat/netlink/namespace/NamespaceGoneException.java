package dev.ikat.netlink.namespace;

/**
 * The path of a network namespace leads nowhere, or to something that is no network namespace any more: what is left at
 * the mount point after the namespace was unmounted is a plain file. The CNI's DEL takes this as "nothing left to do".
 */
public final class NamespaceGoneException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String path;

    NamespaceGoneException(String path, String reason) {
        super("open network namespace " + path + ": " + reason);
        this.path = path;
    }

    /** The path that was to be opened. */
    public String path() {
        return path;
    }
}
