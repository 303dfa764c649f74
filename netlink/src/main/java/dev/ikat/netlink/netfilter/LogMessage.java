package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.Request;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import dev.ikat.netlink.wire.NetlinkBuffer;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Optional;

/** Logged packets: NFULNL_MSG_*, NFULA_* (linux/netfilter/nfnetlink_log.h). */
public final class LogMessage {
    private static final int NFULNL_MSG_PACKET = 0;
    private static final int NFULNL_MSG_CONFIG = 1;

    public static final int PACKET = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET);
    static final int CONFIG = NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG);

    private static final int NFULA_PACKET_HDR = 1;
    private static final int NFULA_TIMESTAMP = 3;
    private static final int NFULA_IFINDEX_INDEV = 4;
    private static final int NFULA_IFINDEX_OUTDEV = 5;
    private static final int NFULA_PAYLOAD = 9;
    private static final int NFULA_PREFIX = 10;
    private static final int NFULA_SEQ = 12;

    private static final int NFULA_CFG_CMD = 1;
    private static final int NFULA_CFG_MODE = 2;
    private static final int NFULA_CFG_NLBUFSIZ = 3;
    private static final int NFULA_CFG_TIMEOUT = 4;
    private static final int NFULA_CFG_QTHRESH = 5;
    private static final int NFULA_CFG_FLAGS = 6;

    private static final int NFULNL_CFG_CMD_BIND = 1;
    private static final int NFULNL_COPY_PACKET = 2;
    private static final int NFULNL_CFG_F_SEQ = 1;

    /** Packets of one datagram, which has to fit {@link NetlinkBuffer#CAPACITY}. */
    private static final int BATCH_BYTES = 8192;

    private static final int BATCH_PACKETS = 32;

    /** A packet waits no longer for others, in hundredths of a second. */
    private static final int BATCH_TIMEOUT = 5;

    private static final long MICROS_A_SECOND = 1_000_000;

    private LogMessage() {}

    /** Has the packets of a group sent here, {@code copyRange} bytes of each. */
    static void writeBind(MessageWriter message, int group, int copyRange) {
        NetfilterMessage.nfgenmsg(message, AddressFamily.AF_UNSPEC, group)
                .bytes(NFULA_CFG_CMD, new byte[] {NFULNL_CFG_CMD_BIND})
                .bytes(NFULA_CFG_MODE, mode(copyRange))
                .u32be(NFULA_CFG_NLBUFSIZ, BATCH_BYTES)
                .u32be(NFULA_CFG_TIMEOUT, BATCH_TIMEOUT)
                .u32be(NFULA_CFG_QTHRESH, BATCH_PACKETS)
                .u16be(NFULA_CFG_FLAGS, NFULNL_CFG_F_SEQ);
    }

    /** Struct nfulnl_msg_config_mode: copy_range, copy_mode, _pad. */
    private static byte[] mode(int copyRange) {
        return ByteBuffer.allocate(6)
                .putInt(copyRange)
                .put((byte) NFULNL_COPY_PACKET)
                .array();
    }

    /** Reads NFULNL_MSG_PACKET; empty for any other message. */
    public static Optional<LoggedPacket> read(MessageReader message) {
        if (message.type() != PACKET) {
            return Optional.empty();
        }
        message.requireBody("nfgenmsg", NetfilterMessage.HEADER);
        String prefix = "";
        int hook = 0;
        int input = 0;
        int output = 0;
        int sequence = 0;
        Optional<Instant> received = Optional.empty();
        Optional<PacketHeader> header = Optional.empty();
        AttributeReader attributes = message.attributes(NetfilterMessage.HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                // Struct nfulnl_msg_packet_hdr: hw_protocol, hook.
                case NFULA_PACKET_HDR -> hook = attributes.u8At(2);
                case NFULA_TIMESTAMP -> received = timestamp(attributes);
                case NFULA_IFINDEX_INDEV -> input = attributes.u32be();
                case NFULA_IFINDEX_OUTDEV -> output = attributes.u32be();
                case NFULA_PAYLOAD -> header = PacketHeader.parse(attributes.bytes());
                case NFULA_PREFIX -> prefix = attributes.string();
                case NFULA_SEQ -> sequence = attributes.u32be();
                default -> {}
            }
        }
        return Optional.of(new LoggedPacket(prefix, hook, input, output, received, sequence, header));
    }

    /** Struct nfulnl_msg_packet_timestamp: sec, usec. */
    private static Optional<Instant> timestamp(AttributeReader attribute) {
        attribute.u32At(12);
        ByteBuffer value = ByteBuffer.wrap(attribute.bytes());
        long seconds = value.getLong();
        long micros = value.getLong();
        if (seconds <= 0 || seconds > Integer.MAX_VALUE * 4L || micros < 0 || micros >= MICROS_A_SECOND) {
            return Optional.empty();
        }
        return Optional.of(Instant.ofEpochSecond(seconds, micros * 1000));
    }

    /** Asks for the packets that are logged to a group. */
    public static Request bind(int group, int copyRange) {
        return MessageWriter.request(
                "bind", "log group " + group, CONFIG, 0, message -> writeBind(message, group, copyRange));
    }
}
