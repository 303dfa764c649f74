package dev.ikat.netlink.wire;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.ArrayBlockingQueue;

/**
 * The native memory that one socket sends from and receives into. A few released buffers are kept: sockets in pod
 * namespaces exist for a millisecond, and 32 KiB of fresh memory would cost more than the system calls.
 */
public final class NetlinkBuffer {
    /** What the kernel's dumps make the most of (netlink_dump, net/netlink/af_netlink.c). */
    static final int CAPACITY = 32 * 1024;

    /** Struct sockaddr_nl, linux/netlink.h. */
    public static final StructLayout SOCKADDR_NL = MemoryLayout.structLayout(
            ValueLayout.JAVA_SHORT.withName("nl_family"),
            ValueLayout.JAVA_SHORT.withName("nl_pad"),
            ValueLayout.JAVA_INT.withName("nl_pid"),
            ValueLayout.JAVA_INT.withName("nl_groups"));

    private static final long NL_PID = SOCKADDR_NL.byteOffset(MemoryLayout.PathElement.groupElement("nl_pid"));
    private static final long DATA = 16;
    private static final ArrayBlockingQueue<NetlinkBuffer> IDLE = new ArrayBlockingQueue<>(8);

    /** A sockaddr_nl: where a message came from, or is to be bound to. */
    final MemorySegment address;

    /** A socklen_t, or any other option value of one int. */
    final MemorySegment word;

    /** The messages. */
    final MemorySegment data;

    /** The same memory as {@link #data}, in native byte order. */
    final ByteBuffer view;

    private NetlinkBuffer() {
        MemorySegment memory = Arena.ofAuto().allocate(DATA + CAPACITY, 16);
        address = memory.asSlice(0, SOCKADDR_NL.byteSize());
        word = memory.asSlice(SOCKADDR_NL.byteSize(), Integer.BYTES);
        data = memory.asSlice(DATA, CAPACITY);
        view = data.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    static NetlinkBuffer take() {
        NetlinkBuffer idle = IDLE.poll();
        return idle != null ? idle : new NetlinkBuffer();
    }

    /** Gives it back; the caller keeps no reference. */
    @SuppressWarnings("ReturnValueIgnored")
    void release() {
        IDLE.offer(this);
    }

    MemorySegment word(int value) {
        word.set(ValueLayout.JAVA_INT, 0, value);
        return word;
    }

    /** An address with this port, 0 for the kernel's choice. */
    MemorySegment address(int port) {
        address.fill((byte) 0);
        address.set(ValueLayout.JAVA_SHORT, 0, (short) AddressFamily.AF_NETLINK);
        address.set(ValueLayout.JAVA_INT, NL_PID, port);
        return address;
    }

    int port() {
        return address.get(ValueLayout.JAVA_INT, NL_PID);
    }
}
