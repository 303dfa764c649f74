package dev.ikat.agent.policy;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * Packets made by hand, as connection tracking takes them for good ones: their checksums are right. Of all that one
 * object makes, the last eight bytes are different.
 */
final class CraftedPackets {
    static final int TCP = 6;
    static final int UDP = 17;
    static final int SCTP = 132;

    static final int SYN = 0x02;
    static final int ACK = 0x10;

    static final int DATA = 0;
    static final int INIT = 1;
    static final int INIT_ACK = 2;
    static final int SACK = 3;
    static final int HEARTBEAT = 4;
    static final int COOKIE_ECHO = 10;

    private int made;

    /** One end of a connection. */
    record End(IpAddress address, int port) {}

    private byte[] mark() {
        return ByteBuffer.allocate(8).putInt(0x696b6174).putInt(++made).array();
    }

    /** A datagram. */
    byte[] udp(End from, End to) {
        ByteBuffer datagram = ByteBuffer.allocate(16)
                .putShort((short) from.port())
                .putShort((short) to.port())
                .putShort((short) 16)
                .putShort((short) 0)
                .put(mark());
        datagram.putShort(6, checksum(from, to, UDP, datagram.array()));
        return ip(from, to, UDP, datagram.array());
    }

    /** A segment without data. */
    byte[] tcp(End from, End to, int flags, int sequence, int acknowledged) {
        byte[] mark = mark();
        // An option for experiments (RFC 4727), as long as the mark.
        mark[0] = (byte) 253;
        mark[1] = 8;
        ByteBuffer segment = ByteBuffer.allocate(28)
                .putShort((short) from.port())
                .putShort((short) to.port())
                .putInt(sequence)
                .putInt(acknowledged)
                .putShort((short) (7 << 12 | flags))
                .putShort((short) 0x7fff)
                .putInt(0)
                .put(mark);
        segment.putShort(16, checksum(from, to, TCP, segment.array()));
        return ip(from, to, TCP, segment.array());
    }

    /**
     * One chunk.
     *
     * @param tag the receiver's, 0 with an INIT
     * @param own the sender's, which INIT and INIT ACK say
     */
    byte[] sctp(End from, End to, int chunk, int tag, int own) {
        byte[] content = content(chunk, own);
        ByteBuffer packet = ByteBuffer.allocate(12 + 4 + content.length)
                .putShort((short) from.port())
                .putShort((short) to.port())
                .putInt(tag)
                .putInt(0)
                .put((byte) chunk)
                // Of DATA: the first and last piece of a message.
                .put((byte) (chunk == DATA ? 3 : 0))
                .putShort((short) (4 + content.length))
                .put(content);
        CRC32C crc = new CRC32C();
        crc.update(packet.array());
        packet.order(ByteOrder.LITTLE_ENDIAN).putInt(8, (int) crc.getValue());
        return ip(from, to, SCTP, packet.array());
    }

    /** What follows a chunk's type, flags and length (RFC 9260, section 3.3). */
    private byte[] content(int chunk, int own) {
        ByteBuffer begin = ByteBuffer.allocate(16)
                .putInt(own)
                .putInt(65536)
                .putShort((short) 1)
                .putShort((short) 1)
                .putInt(own);
        ByteBuffer parameter = ByteBuffer.allocate(12)
                .putShort((short) (chunk == HEARTBEAT ? 1 : 7))
                .putShort((short) 12)
                .put(mark());
        return switch (chunk) {
            case INIT, INIT_ACK ->
                ByteBuffer.allocate(28)
                        .put(begin.array())
                        .put(parameter.array())
                        .array();
            case HEARTBEAT -> parameter.array();
            case COOKIE_ECHO -> mark();
            // Numbers of nothing and of no gaps; of DATA they are its stream and what it carries.
            case DATA, SACK ->
                ByteBuffer.allocate(20).putInt(own).putLong(0).put(mark()).array();
            default -> throw new IllegalArgumentException("no chunk " + chunk);
        };
    }

    private static byte[] ip(End from, End to, int protocol, byte[] payload) {
        if (from.address().family() == IpFamily.IPV6) {
            return ByteBuffer.allocate(40 + payload.length)
                    .putInt(0x60000000)
                    .putShort((short) payload.length)
                    .put((byte) protocol)
                    .put((byte) 64)
                    .put(from.address().toBytes())
                    .put(to.address().toBytes())
                    .put(payload)
                    .array();
        }
        ByteBuffer packet = ByteBuffer.allocate(20 + payload.length)
                .putShort((short) 0x4500)
                .putShort((short) (20 + payload.length))
                .putInt(0)
                .put((byte) 64)
                .put((byte) protocol)
                .putShort((short) 0)
                .put(from.address().toBytes())
                .put(to.address().toBytes())
                .put(payload);
        return packet.putShort(10, sum(packet.array(), 20, 0)).array();
    }

    /** With the pseudo header of TCP and UDP. */
    private static short checksum(End from, End to, int protocol, byte[] payload) {
        byte[] addresses = ByteBuffer.allocate(32)
                .put(from.address().toBytes())
                .put(to.address().toBytes())
                .array();
        long start = (long) protocol + payload.length;
        start += Short.toUnsignedLong((short) ~sum(addresses, addresses.length, 0));
        return sum(payload, payload.length, start);
    }

    private static short sum(byte[] bytes, int length, long start) {
        long sum = start;
        for (int i = 0; i < length; i += 2) {
            sum += Byte.toUnsignedInt(bytes[i]) << 8 | Byte.toUnsignedInt(bytes[i + 1]);
        }
        while (sum > 0xffff) {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        return (short) ~sum;
    }
}
