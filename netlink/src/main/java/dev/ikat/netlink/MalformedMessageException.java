package dev.ikat.netlink;

/**
 * A message that claims to come from the kernel breaks the format: a length that leads out of its container, an
 * attribute of the wrong size, a value that can't be. The only exception that reading a message ever throws.
 */
public final class MalformedMessageException extends NetlinkException {
    private static final long serialVersionUID = 1;

    public MalformedMessageException(String reason) {
        super("read a netlink message: " + reason, Errno.EBADMSG);
    }
}
