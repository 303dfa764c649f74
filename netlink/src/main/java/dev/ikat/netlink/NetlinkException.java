package dev.ikat.netlink;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * The kernel refused a netlink request or one of the system calls around it. The message says what was tried, on what,
 * and what the kernel answered, in the kernel's own words if it gave any (the extended acknowledgement).
 *
 * <p>If several requests of one batch failed, this is the first failure, and the others are its
 * {@linkplain #getSuppressed() suppressed} exceptions.
 */
public sealed class NetlinkException extends RuntimeException permits MalformedMessageException {
    private static final long serialVersionUID = 1;

    private final int errno;
    private final String extendedAck;
    private final int requestIndex;

    public NetlinkException(String attempt, int errno) {
        this(attempt, errno, "", -1);
    }

    /**
     * @param attempt what was tried, on what: "create veth ik0123 ..."
     * @param errno the kernel's error number, positive
     * @param extendedAck the kernel's explanation, empty if it gave none
     * @param requestIndex the failed request's place in its batch, or -1
     */
    public NetlinkException(String attempt, int errno, String extendedAck, int requestIndex) {
        super(attempt + ": " + Errno.name(errno) + (extendedAck.isEmpty() ? "" : " (" + extendedAck + ")"));
        this.errno = errno;
        this.extendedAck = extendedAck;
        this.requestIndex = requestIndex;
    }

    /** The kernel's error number, positive; see {@link Errno}. */
    public int errno() {
        return errno;
    }

    /** The error number's symbolic name, as in {@code EEXIST}. */
    public String errnoName() {
        return Errno.name(errno);
    }

    /**
     * The kernel's explanation beyond the number (NLMSGERR_ATTR_MSG and the attribute that it points at,
     * {@code linux/netlink.h}).
     */
    Optional<String> extendedAck() {
        return extendedAck.isEmpty() ? Optional.empty() : Optional.of(extendedAck);
    }

    /** The position of the failed request in its batch, from 0; empty if the request was not part of a batch. */
    public OptionalInt requestIndex() {
        return requestIndex < 0 ? OptionalInt.empty() : OptionalInt.of(requestIndex);
    }
}
