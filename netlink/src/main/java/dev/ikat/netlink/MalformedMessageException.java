package dev.ikat.netlink;

/**
 * A message from the kernel violates the format: a length that exceeds its container, an attribute of the wrong size,
 * an invalid value. Reading a message throws no other exception.
 */
public final class MalformedMessageException extends NetlinkException {
    private static final long serialVersionUID = 1;

    public MalformedMessageException(String reason) {
        super("read a netlink message: " + reason, Errno.EBADMSG);
    }
}
