package dev.ikat.ebpf;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.byref.IntByReference;

/**
 * A socket by the C library's own calls: one of the JDK's remembers with whom it was connected, and never asks the
 * kernel.
 */
final class NativeSocket implements AutoCloseable {
    static final int ECONNABORTED = 103;
    static final int EAGAIN = 11;

    private static final LibC LIBC = LibraryLoader.create(LibC.class).load("c");
    private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOL_SOCKET = 1;
    private static final int SO_RCVTIMEO = 20;
    private static final int SOCKADDR_BYTES = 28;
    private static final int SECONDS = 2;

    private final int fd;
    private final boolean v6;

    /** The calls of the C library. */
    public interface LibC {
        int socket(int family, int type, int protocol);

        int bind(int fd, @In byte[] address, int length);

        int connect(int fd, @In byte[] address, int length);

        int getpeername(int fd, @Out byte[] address, IntByReference length);

        long sendto(int fd, @In byte[] data, long size, int flags, @In byte[] address, int length);

        long recvfrom(int fd, @Out byte[] data, long size, int flags, @Out byte[] address, IntByReference length);

        long send(int fd, @In byte[] data, long size, int flags);

        int setsockopt(int fd, int level, int option, @In byte[] value, int length);

        int close(int fd);
    }

    /** What the kernel answered. */
    static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final int errno;

        Refused(String call, int errno) {
            super(call + ": errno " + errno);
            this.errno = errno;
        }

        int errno() {
            return errno;
        }
    }

    private NativeSocket(int fd, boolean v6) {
        this.fd = fd;
        this.v6 = v6;
    }

    /** @param v6 whether it is one of IPv6, which can speak IPv4 too */
    static NativeSocket open(TestNamespace namespace, Protocol protocol, boolean v6) {
        return InNamespace.call(namespace.path(), () -> {
            int type = protocol == Protocol.TCP ? SOCK_STREAM : SOCK_DGRAM;
            int fd = (int) check("socket", LIBC.socket(v6 ? AF_INET6 : AF_INET, type, 0));
            byte[] limit = ByteBuffer.allocate(2 * Long.BYTES)
                    .order(ByteOrder.nativeOrder())
                    .putLong(SECONDS)
                    .array();
            check("setsockopt", LIBC.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit, limit.length));
            return new NativeSocket(fd, v6);
        });
    }

    private static long check(String call, long result) {
        if (result < 0) {
            throw new Refused(call, LastError.getLastError(RUNTIME));
        }
        return result;
    }

    /** Struct sockaddr_in or struct sockaddr_in6. */
    private byte[] socket(IpAddress address, int port) {
        ByteBuffer bytes = ByteBuffer.allocate(v6 ? SOCKADDR_BYTES : 16).order(ByteOrder.nativeOrder());
        bytes.putShort((short) (v6 ? AF_INET6 : AF_INET));
        bytes.put((byte) (port >> 8)).put((byte) port);
        if (v6) {
            bytes.putInt(0);
            if (address.family() == IpFamily.IPV4) {
                bytes.put(new byte[10]).put((byte) -1).put((byte) -1);
            }
        }
        return bytes.put(address.toBytes()).array();
    }

    private InetSocketAddress read(byte[] socket) {
        int port = Byte.toUnsignedInt(socket[2]) << 8 | Byte.toUnsignedInt(socket[3]);
        try {
            return new InetSocketAddress(
                    InetAddress.getByAddress(v6 ? Arrays.copyOfRange(socket, 8, 24) : Arrays.copyOfRange(socket, 4, 8)),
                    port);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    NativeSocket bind(IpAddress address) {
        byte[] to = socket(address, 0);
        check("bind", LIBC.bind(fd, to, to.length));
        return this;
    }

    NativeSocket connect(IpAddress address, int port) {
        byte[] to = socket(address, port);
        check("connect", LIBC.connect(fd, to, to.length));
        return this;
    }

    InetSocketAddress peer() {
        byte[] address = new byte[SOCKADDR_BYTES];
        check("getpeername", LIBC.getpeername(fd, address, new IntByReference(address.length)));
        return read(address);
    }

    void send() {
        check("send", LIBC.send(fd, new byte[] {1}, 1, 0));
    }

    void send(IpAddress address, int port) {
        byte[] to = socket(address, port);
        check("sendto", LIBC.sendto(fd, new byte[] {1}, 1, 0, to, to.length));
    }

    /** Waits for a datagram, and returns from where it comes. */
    InetSocketAddress receive() {
        byte[] from = new byte[SOCKADDR_BYTES];
        check("recvfrom", LIBC.recvfrom(fd, new byte[1], 1, 0, from, new IntByReference(from.length)));
        return read(from);
    }

    @Override
    public void close() {
        LIBC.close(fd);
    }
}
