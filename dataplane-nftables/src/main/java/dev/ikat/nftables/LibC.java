package dev.ikat.nftables;

import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/** The functions of the C library that talk on libnftables' own socket, which it hands out to nobody. */
public interface LibC {
    /** Sys/socket.h (asm-generic). */
    int SOL_SOCKET = 1;

    /** Sys/socket.h: a socket's address family. */
    int SO_DOMAIN = 39;

    /** Sys/socket.h: a socket's protocol. */
    int SO_PROTOCOL = 38;

    /** Sys/socket.h. */
    int AF_NETLINK = 16;

    /** {@code linux/netlink.h}. */
    int NETLINK_NETFILTER = 12;

    int getsockopt(int fd, int level, int name, @Out int[] value, int[] length);

    int getsockname(int fd, @Out byte[] address, int[] length);

    long send(int fd, @In byte[] data, long length, int flags);

    long recv(int fd, @Out byte[] data, long length, int flags);
}
