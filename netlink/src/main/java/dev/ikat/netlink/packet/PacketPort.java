package dev.ikat.netlink.packet;

import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Packets of some protocols on one Ethernet link, by packet sockets (packet(7), {@code linux/if_packet.h}): they are
 * received before any filter of the host sees them, and sent past all of them. One thread uses it; any may
 * {@link #wake} it.
 */
public final class PacketPort implements AutoCloseable {
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int SO_ATTACH_FILTER = 26;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_TRUNC = 0x20;

    /** Struct sockaddr_ll: family, protocol, interface, hardware type, packet type, address length, address. */
    private static final int SOCKADDR_LL = 20;

    private static final int SLL_PROTOCOL = 2;
    private static final int SLL_IFINDEX = 4;
    private static final int SLL_PKTTYPE = 10;
    private static final int SLL_HALEN = 11;
    private static final int SLL_ADDR = 12;
    private static final int ETH_ALEN = 6;

    /** PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST; what follows is for other hosts, or from this one. */
    private static final int PACKET_MULTICAST = 2;

    /** Struct pollfd: fd, events, revents. */
    private static final int POLLFD = 8;

    private static final short POLLIN = 1;

    /** No packet that anybody here reads is longer. */
    private static final int LARGEST = 2048;

    /** Returned to the caller before more of a protocol is taken. */
    private static final int MAX_PACKETS = 256;

    private static final ValueLayout.OfShort NETWORK_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final int interfaceIndex;
    private final Map<Integer, Integer> sockets = new LinkedHashMap<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(LARGEST, Long.BYTES);
    private final MemorySegment address = arena.allocate(SOCKADDR_LL, Integer.BYTES);
    private final MemorySegment length = arena.allocate(ValueLayout.JAVA_INT);
    private int wakeup = -1;
    private boolean closed;

    private PacketPort(int interfaceIndex) {
        this.interfaceIndex = interfaceIndex;
    }

    /**
     * Opens a socket for each protocol in the calling thread's namespace.
     *
     * @param protocols what is received of each protocol (ETH_P_*); {@link #poll} returns them in this order
     * @throws NetlinkException if the kernel refuses, as without CAP_NET_RAW or without the link
     */
    public static PacketPort open(int interfaceIndex, List<Map.Entry<Integer, PacketFilter>> protocols) {
        PacketPort port = new PacketPort(interfaceIndex);
        try {
            protocols.forEach(protocol -> port.open(protocol.getKey(), protocol.getValue()));
            port.wakeup = check("make an eventfd", Libc.eventfd(0, SOCK_CLOEXEC | Libc.O_NONBLOCK));
            return port;
        } catch (RuntimeException | Error e) {
            port.close();
            throw e;
        }
    }

    private void open(int protocol, PacketFilter filter) {
        // Without a protocol it receives nothing before it has its filter.
        int socket = check("open a packet socket", Libc.socket(AddressFamily.AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockets.put(protocol, socket);
        try (Arena memory = Arena.ofConfined()) {
            check(
                    "attach a filter to a packet socket",
                    Libc.setsockopt(socket, Libc.SOL_SOCKET, SO_ATTACH_FILTER, filter.program(memory)));
        }
        destination(protocol, Optional.empty());
        check("bind a packet socket to interface " + interfaceIndex, Libc.bind(socket, address));
    }

    private void destination(int protocol, Optional<MacAddress> to) {
        address.fill((byte) 0);
        address.set(ValueLayout.JAVA_SHORT, 0, (short) AddressFamily.AF_PACKET);
        address.set(NETWORK_SHORT, SLL_PROTOCOL, (short) protocol);
        address.set(ValueLayout.JAVA_INT, SLL_IFINDEX, interfaceIndex);
        to.ifPresent(mac -> {
            address.set(ValueLayout.JAVA_BYTE, SLL_HALEN, (byte) ETH_ALEN);
            MemorySegment.copy(mac.toBytes(), 0, address, ValueLayout.JAVA_BYTE, SLL_ADDR, ETH_ALEN);
        });
    }

    private static int check(String attempt, int result) {
        if (result < 0) {
            throw new NetlinkException(attempt, -result);
        }
        return result;
    }

    /**
     * Waits until there are packets, somebody wakes this, or the time is over, and returns what has arrived. A link
     * that is down has no packets.
     */
    public List<Packet> poll(Duration timeout) {
        int count = sockets.size() + 1;
        try (Arena memory = Arena.ofConfined()) {
            MemorySegment descriptors = memory.allocate((long) POLLFD * count, Integer.BYTES);
            int index = 0;
            for (int socket : sockets.values()) {
                watch(descriptors, index++, socket);
            }
            watch(descriptors, index, wakeup);
            // Rounded up, lest the last part of a millisecond is waited for in a loop.
            int ready = Libc.poll(descriptors, count, Math.clamp(timeout.toMillis() + 1, 0, Integer.MAX_VALUE));
            if (ready < 0 && ready != -Errno.EINTR) {
                throw new NetlinkException("wait for packets", -ready);
            }
        }
        int _ = Libc.read(wakeup, buffer.asSlice(0, Long.BYTES));
        List<Packet> packets = new ArrayList<>();
        sockets.forEach((protocol, socket) -> receive(protocol, socket, packets));
        return packets;
    }

    private static void watch(MemorySegment descriptors, int index, int descriptor) {
        descriptors.set(ValueLayout.JAVA_INT, (long) POLLFD * index, descriptor);
        descriptors.set(ValueLayout.JAVA_SHORT, (long) POLLFD * index + Integer.BYTES, POLLIN);
    }

    private void receive(int protocol, int socket, List<Packet> packets) {
        for (int i = 0; i < MAX_PACKETS; i++) {
            length.set(ValueLayout.JAVA_INT, 0, SOCKADDR_LL);
            int bytes = Libc.recvfrom(socket, buffer, MSG_DONTWAIT | MSG_TRUNC, address, length);
            if (bytes == -Errno.EINTR) {
                continue;
            }
            if (bytes == -Errno.EAGAIN || bytes == -Errno.ENETDOWN || bytes == -Errno.ENXIO) {
                return;
            }
            check("receive packets of interface " + interfaceIndex, bytes);
            boolean forThis = Byte.toUnsignedInt(address.get(ValueLayout.JAVA_BYTE, SLL_PKTTYPE)) <= PACKET_MULTICAST;
            boolean ethernet = address.get(ValueLayout.JAVA_BYTE, SLL_HALEN) == ETH_ALEN;
            if (forThis && ethernet && bytes <= LARGEST) {
                packets.add(new Packet(
                        protocol,
                        MacAddress.of(address.asSlice(SLL_ADDR, ETH_ALEN).toArray(ValueLayout.JAVA_BYTE)),
                        ByteBuffer.wrap(buffer.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE))
                                .asReadOnlyBuffer()));
            }
        }
    }

    /**
     * Sends a packet of one of the protocols.
     *
     * @param payload what follows the Ethernet header
     * @throws NetlinkException if the kernel refuses, as where the link is down or gone
     */
    public void send(int protocol, MacAddress to, byte[] payload) {
        Integer socket = sockets.get(protocol);
        if (socket == null) {
            throw new IllegalArgumentException("this was not opened for protocol 0x" + Integer.toHexString(protocol));
        }
        destination(protocol, Optional.of(to));
        MemorySegment data = buffer.asSlice(0, payload.length);
        data.copyFrom(MemorySegment.ofArray(payload));
        int result;
        do {
            result = Libc.sendto(socket, data, address);
        } while (result == -Errno.EINTR);
        check("send a packet on interface " + interfaceIndex, result);
    }

    /** Has a running {@link #poll} return, or the next one; nothing after {@link #close}. For any thread. */
    public synchronized void wake() {
        if (!closed) {
            try (Arena memory = Arena.ofConfined()) {
                int _ = Libc.write(wakeup, memory.allocateFrom(ValueLayout.JAVA_LONG, 1));
            }
        }
    }

    /** Closes the sockets, while nobody polls; idempotent. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        sockets.values().forEach(Libc::close);
        if (wakeup >= 0) {
            Libc.close(wakeup);
        }
        arena.close();
    }
}
