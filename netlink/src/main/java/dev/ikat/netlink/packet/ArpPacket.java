package dev.ikat.netlink.packet;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.PacketFilter.Field;
import dev.ikat.netlink.packet.PacketFilter.Size;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * A packet of ARP for IPv4 on Ethernet (RFC 826).
 *
 * @param operation what it is for
 * @param senderMac the link-layer address that is claimed for {@code senderIp}
 * @param senderIp the address that has it; 0.0.0.0 of a host that only asks whether somebody has the other (RFC 5227)
 * @param targetMac whose answer this is; without meaning in a request
 * @param targetIp the address that is asked for, or that asked
 */
public record ArpPacket(
        Operation operation, MacAddress senderMac, IpAddress senderIp, MacAddress targetMac, IpAddress targetIp) {
    /** ETH_P_ARP, linux/if_ether.h. */
    public static final int PROTOCOL = 0x0806;

    /** To every station of a link. */
    public static final MacAddress BROADCAST = new MacAddress(0xffff_ffff_ffffL);

    /** In the field that is without meaning. */
    private static final MacAddress NONE = new MacAddress(0);

    /** ARPHRD_ETHER, linux/if_arp.h. */
    private static final int ETHERNET = 1;

    private static final int ETH_P_IP = 0x0800;
    private static final int HARDWARE_LENGTH = 6;
    private static final int PROTOCOL_LENGTH = 4;
    private static final int LENGTH = 28;

    /** Where the fields are. */
    private static final int AR_PRO = 2;

    private static final int AR_HLN = 4;
    private static final int AR_PLN = 5;
    private static final int AR_OP = 6;

    /** Requests and replies of IPv4 on Ethernet. */
    public static final PacketFilter FILTER = PacketFilter.of(
            Field.of(Size.HALF, 0, ETHERNET),
            Field.of(Size.HALF, AR_PRO, ETH_P_IP),
            Field.of(Size.BYTE, AR_HLN, HARDWARE_LENGTH),
            Field.of(Size.BYTE, AR_PLN, PROTOCOL_LENGTH),
            new Field(Size.HALF, AR_OP, Operation.REQUEST.code, Operation.REPLY.code));

    /** What a packet is for. */
    public enum Operation {
        REQUEST(1),
        REPLY(2);

        private final int code;

        Operation(int code) {
            this.code = code;
        }
    }

    public ArpPacket {
        if (senderIp.family() != IpFamily.IPV4 || targetIp.family() != IpFamily.IPV4) {
            throw new IllegalArgumentException("ARP is for IPv4, not for " + senderIp + " and " + targetIp);
        }
    }

    /** Tells all stations that an address is at a link-layer address, by a request (RFC 5227, section 2.3). */
    public static ArpPacket announcement(IpAddress ip, MacAddress mac) {
        return new ArpPacket(Operation.REQUEST, mac, ip, NONE, ip);
    }

    /** The same by a reply, as some hosts take only requests for it, and others only replies. */
    public static ArpPacket unasked(IpAddress ip, MacAddress mac) {
        return new ArpPacket(Operation.REPLY, mac, ip, BROADCAST, ip);
    }

    /** The answer to this request: {@code targetIp} is at that link-layer address. */
    public ArpPacket answer(MacAddress mac) {
        MacAddress asker = senderMac;
        IpAddress askerIp = senderIp;
        IpAddress askedFor = targetIp;
        return new ArpPacket(Operation.REPLY, mac, askedFor, asker, askerIp);
    }

    /** Whether it says that {@code senderIp} is at {@code senderMac}; otherwise it only asks. */
    public boolean isClaim() {
        return !senderIp.isUnspecified();
    }

    /** Reads what follows the Ethernet header; empty for what is no such packet, or comes from no single station. */
    public static Optional<ArpPacket> read(ByteBuffer payload) {
        if (payload.remaining() < LENGTH) {
            return Optional.empty();
        }
        ByteBuffer in = payload.slice();
        boolean ethernet = in.getShort() == ETHERNET
                && in.getShort() == ETH_P_IP
                && in.get() == HARDWARE_LENGTH
                && in.get() == PROTOCOL_LENGTH;
        int code = in.getShort();
        Optional<Operation> operation = Arrays.stream(Operation.values())
                .filter(one -> one.code == code)
                .findFirst();
        MacAddress senderMac = Stations.read(in);
        IpAddress senderIp = IpAddress.v4(in.getInt());
        MacAddress targetMac = Stations.read(in);
        IpAddress targetIp = IpAddress.v4(in.getInt());
        if (!ethernet || !Stations.isOne(senderMac)) {
            return Optional.empty();
        }
        return operation.map(one -> new ArpPacket(one, senderMac, senderIp, targetMac, targetIp));
    }

    /** What follows the Ethernet header, a new array. */
    public byte[] bytes() {
        return ByteBuffer.allocate(LENGTH)
                .putShort((short) ETHERNET)
                .putShort((short) ETH_P_IP)
                .put((byte) HARDWARE_LENGTH)
                .put((byte) PROTOCOL_LENGTH)
                .putShort((short) operation.code)
                .put(senderMac.toBytes())
                .put(senderIp.toBytes())
                .put(targetMac.toBytes())
                .put(targetIp.toBytes())
                .array();
    }
}
