package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.Libc;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.Optional;

/**
 * What a host on the way says of a packet that it does not pass on (RFC 792, RFC 4443).
 *
 * @param from the host
 * @param type the kind of message, in the numbers of the family's ICMP
 * @param code the reason, likewise
 */
public record IcmpError(IpAddress from, int type, int code) {
    private static final int SOCK_RAW_CLOEXEC = 0x80003;
    private static final int IPPROTO_ICMP = 1;
    private static final int IPPROTO_ICMPV6 = 58;
    private static final int MSG_DONTWAIT = 0x40;

    /** {@code linux/icmp.h}. */
    private static final int ICMP_DEST_UNREACH = 3;

    private static final int ICMP_HOST_UNREACH = 1;

    /** {@code linux/icmpv6.h}. */
    private static final int ICMPV6_DEST_UNREACH = 1;

    private static final int ICMPV6_NOROUTE = 0;

    /** Of the ICMP message, in bytes; the packet that it is about follows. */
    private static final int HEADER = 8;

    /** Where the destination is in the header of an IP packet. */
    private static final int IPV4_DESTINATION = 16;

    private static final int IPV6_DESTINATION = 24;

    /** Where the address is in struct sockaddr_in, and in sockaddr_in6, whose size follows. */
    private static final int SIN_ADDR = 4;

    private static final int SIN6_ADDR = 8;
    private static final int SOCKADDR_IN6 = 28;

    /** The first that traceroute uses, since nobody listens there. */
    private static final int PORT = 33434;

    private static final int LARGEST = 2048;

    /** Whether {@link #from} has no way to the destination, as where a route there is of the type unreachable. */
    public boolean isNoRoute() {
        return switch (from.family()) {
            case IPV4 -> type == ICMP_DEST_UNREACH && code == ICMP_HOST_UNREACH;
            case IPV6 -> type == ICMPV6_DEST_UNREACH && code == ICMPV6_NOROUTE;
        };
    }

    /**
     * Sends a datagram to a port where nobody listens, from the calling thread's network namespace, and waits for the
     * first error that tells of such a datagram.
     *
     * @return empty if none has come in time
     * @throws NetlinkException if the kernel refuses, as without CAP_NET_RAW
     * @throws UncheckedIOException if the datagram can't be sent, as without a route
     */
    public static Optional<IcmpError> provoke(IpAddress to, Duration limit) {
        boolean ipv4 = to.family() == IpFamily.IPV4;
        int socket = Libc.socket(AddressFamily.of(to.family()), SOCK_RAW_CLOEXEC, ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
        if (socket < 0) {
            throw new NetlinkException("open a socket for ICMP", -socket);
        }
        try (DatagramChannel channel =
                        DatagramChannel.open(ipv4 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6);
                Arena arena = Arena.ofConfined()) {
            channel.send(ByteBuffer.allocate(1), new InetSocketAddress(to.toInetAddress(), PORT));
            return await(socket, to, limit, arena);
        } catch (IOException e) {
            throw new UncheckedIOException("send a datagram to " + to, e);
        } finally {
            Libc.close(socket);
        }
    }

    private static Optional<IcmpError> await(int socket, IpAddress to, Duration limit, Arena arena) {
        MemorySegment message = arena.allocate(LARGEST);
        MemorySegment sender = arena.allocate(SOCKADDR_IN6, Integer.BYTES);
        MemorySegment length = arena.allocate(ValueLayout.JAVA_INT);
        long end = System.nanoTime() + limit.toNanos();
        for (long left = limit.toNanos(); left > 0; left = end - System.nanoTime()) {
            if (!Libc.isReadable(socket, Duration.ofNanos(left))) {
                continue;
            }
            length.set(ValueLayout.JAVA_INT, 0, SOCKADDR_IN6);
            int bytes = Libc.recvfrom(socket, message, MSG_DONTWAIT, sender, length);
            if (bytes > 0) {
                Optional<IcmpError> error = read(message.asSlice(0, bytes), sender, to);
                if (error.isPresent()) {
                    return error;
                }
            }
        }
        return Optional.empty();
    }

    /** Empty if it is something else, or about another packet. */
    private static Optional<IcmpError> read(MemorySegment message, MemorySegment sender, IpAddress to) {
        boolean ipv4 = to.family() == IpFamily.IPV4;
        // The kernel hands out ICMP with the IP header, ICMPv6 without.
        long start = ipv4 ? (message.get(ValueLayout.JAVA_BYTE, 0) & 0xf) * 4L : 0;
        long destination = start + HEADER + (ipv4 ? IPV4_DESTINATION : IPV6_DESTINATION);
        int size = to.toBytes().length;
        if (message.byteSize() < destination + size
                || !address(message, destination, size).equals(to)) {
            return Optional.empty();
        }
        return Optional.of(new IcmpError(
                address(sender, ipv4 ? SIN_ADDR : SIN6_ADDR, size),
                Byte.toUnsignedInt(message.get(ValueLayout.JAVA_BYTE, start)),
                Byte.toUnsignedInt(message.get(ValueLayout.JAVA_BYTE, start + 1))));
    }

    private static IpAddress address(MemorySegment segment, long offset, int size) {
        return IpAddress.of(segment.asSlice(offset, size).toArray(ValueLayout.JAVA_BYTE));
    }
}
