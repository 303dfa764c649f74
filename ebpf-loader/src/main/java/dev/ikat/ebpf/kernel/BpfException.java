package dev.ikat.ebpf.kernel;

import dev.ikat.netlink.Errno;

/** The kernel or libbpf refused something. */
public class BpfException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    public BpfException(String what, int errno) {
        super(what + ": " + Errno.name(errno));
        this.errno = errno;
    }

    public BpfException(String what, int errno, String detail) {
        super(what + ": " + Errno.name(errno) + "\n" + detail);
        this.errno = errno;
    }

    /** The error number that the kernel returned; see errno(3). */
    public int errno() {
        return errno;
    }
}
