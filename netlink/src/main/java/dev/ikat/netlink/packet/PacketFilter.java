package dev.ikat.netlink.packet;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Which packets the kernel hands to a socket, as a program of classic BPF ({@code linux/filter.h},
 * {@code linux/bpf_common.h}); others do not wake anybody.
 *
 * @param fields what has to be in the packet, all of it
 */
public record PacketFilter(List<Field> fields) {
    private static final int BPF_LD_ABS = 0x20;
    private static final int BPF_JGE = 0x35;
    private static final int BPF_JGT = 0x25;
    private static final int BPF_RET = 0x06;

    /** Instructions for a field: load it, compare it with the least and with the greatest value. */
    private static final int PER_FIELD = 3;

    /** Struct sock_filter: code (16 bits), jt, jf (8 bits each), k. */
    private static final int SOCK_FILTER = 8;

    /** Struct sock_fprog: the number of instructions, and a pointer to them. */
    private static final int SOCK_FPROG = 16;

    /** BPF_MAXINSNS is 4096, but jumps are of 8 bits. */
    private static final int MAX_FIELDS = 64;

    private static final int WHOLE_PACKET = 0xffff;

    /**
     * A field of a packet.
     *
     * @param size how long it is
     * @param offset where it begins, after the Ethernet header
     * @param least the least value that it may have
     * @param greatest the greatest
     */
    public record Field(Size size, int offset, int least, int greatest) {
        /** A field that has to have this value. */
        public static Field of(Size size, int offset, int value) {
            return new Field(size, offset, value, value);
        }
    }

    /** How long a field is. */
    public enum Size {
        BYTE(0x10),
        HALF(0x08),
        WORD(0x00);

        private final int code;

        Size(int code) {
            this.code = code;
        }
    }

    public PacketFilter {
        fields = List.copyOf(fields);
        if (fields.size() > MAX_FIELDS) {
            throw new IllegalArgumentException("a filter has at most " + MAX_FIELDS + " fields");
        }
    }

    /** Packets in which all of these fields have their values; a packet that is too short for one does not pass. */
    public static PacketFilter of(Field... fields) {
        return new PacketFilter(List.of(fields));
    }

    /** The struct sock_fprog; what it points at is allocated with it. */
    MemorySegment program(SegmentAllocator memory) {
        int instructions = PER_FIELD * fields.size() + 2;
        MemorySegment code = memory.allocate((long) SOCK_FILTER * instructions, Integer.BYTES);
        int at = 0;
        for (Field field : fields) {
            put(code, at, BPF_LD_ABS | field.size.code, 0, 0, field.offset);
            int drop = instructions - 1;
            put(code, at + 1, BPF_JGE, 0, drop - (at + 2), field.least);
            put(code, at + 2, BPF_JGT, drop - (at + PER_FIELD), 0, field.greatest);
            at += PER_FIELD;
        }
        put(code, at, BPF_RET, 0, 0, WHOLE_PACKET);
        put(code, at + 1, BPF_RET, 0, 0, 0);
        MemorySegment program = memory.allocate(SOCK_FPROG, Long.BYTES);
        program.set(ValueLayout.JAVA_SHORT, 0, (short) instructions);
        program.set(ValueLayout.ADDRESS, Long.BYTES, code);
        return program;
    }

    private static void put(MemorySegment code, int index, int opcode, int ifTrue, int ifFalse, int value) {
        long at = (long) SOCK_FILTER * index;
        code.set(ValueLayout.JAVA_SHORT, at, (short) opcode);
        code.set(ValueLayout.JAVA_BYTE, at + 2, (byte) ifTrue);
        code.set(ValueLayout.JAVA_BYTE, at + 3, (byte) ifFalse);
        code.set(ValueLayout.JAVA_INT, at + Integer.BYTES, value);
    }
}
