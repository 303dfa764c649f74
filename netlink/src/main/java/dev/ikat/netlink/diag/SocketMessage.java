package dev.ikat.netlink.diag;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Sockets: struct inet_diag_req_v2 and struct inet_diag_msg ({@code linux/sock_diag.h}, {@code linux/inet_diag.h}). */
public final class SocketMessage {
    private static final int SOCK_DIAG_BY_FAMILY = 20;
    private static final int SOCK_DESTROY = 21;

    private static final int IPPROTO_UDP = 17;

    /** Of TCP_ESTABLISHED (net/tcp_states.h), which a socket of UDP is when it is connected. */
    private static final int CONNECTED = 1 << 1;

    private static final int ANY_STATE = -1;

    /** Struct inet_diag_sockid: where it is in struct inet_diag_msg, and of how many words it is. */
    private static final int ID = 4;

    private static final int ID_WORDS = 12;
    private static final int MESSAGE_BYTES = 72;

    /** Where these are in struct inet_diag_sockid, in words. */
    private static final int DESTINATION = 5;

    private static final int COOKIE = 10;

    private static final List<Integer> NOBODY = List.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1);

    private SocketMessage() {}

    /** Asks for all connected sockets of UDP of this family. */
    static Request listConnected(IpFamily family) {
        return MessageWriter.list(
                family + " sockets of UDP",
                SOCK_DIAG_BY_FAMILY,
                message -> write(message, AddressFamily.of(family), CONNECTED, NOBODY));
    }

    static Request end(ConnectedSocket socket) {
        return MessageWriter.request(
                "end",
                "the socket that is connected to " + socket.peer() + " port " + socket.peerPort(),
                SOCK_DESTROY,
                0,
                message -> write(message, AddressFamily.of(socket.family()), ANY_STATE, socket.words()));
    }

    /** Asks the kernel to end a socket that does not exist: whether it can is told by how it refuses. */
    static Request endNobody() {
        return MessageWriter.request(
                "end",
                "no socket",
                SOCK_DESTROY,
                0,
                message -> write(message, AddressFamily.AF_INET, ANY_STATE, NOBODY));
    }

    /** Struct inet_diag_req_v2. */
    private static void write(MessageWriter message, int family, int states, List<Integer> id) {
        message.bodyU8(family).bodyU8(IPPROTO_UDP).bodyU8(0).bodyU8(0).bodyU32(states);
        id.forEach(message::bodyU32);
    }

    /** Reads struct inet_diag_msg; empty if the family is not IP. */
    public static Optional<ConnectedSocket> read(MessageReader message) {
        message.requireBody("inet_diag_msg", MESSAGE_BYTES);
        return AddressFamily.toIp(message.bodyU8(0)).map(family -> {
            List<Integer> words = new ArrayList<>();
            for (int i = 0; i < ID_WORDS; i++) {
                words.add(message.bodyU32(ID + i * Integer.BYTES));
            }
            ByteBuffer ports = bytes(words.subList(0, 1));
            return new ConnectedSocket(
                    family,
                    address(family, words.subList(DESTINATION, DESTINATION + 4)),
                    Short.toUnsignedInt(ports.order(ByteOrder.BIG_ENDIAN).getShort(Short.BYTES)),
                    Integer.toUnsignedLong(words.get(COOKIE)) | Integer.toUnsignedLong(words.get(COOKIE + 1)) << 32,
                    words);
        });
    }

    private static ByteBuffer bytes(List<Integer> words) {
        ByteBuffer bytes = ByteBuffer.allocate(words.size() * Integer.BYTES).order(ByteOrder.nativeOrder());
        words.forEach(bytes::putInt);
        return bytes;
    }

    /** An address of IPv4 has the first word; in a socket of IPv6 it is the last one of ::ffff:a.b.c.d. */
    private static IpAddress address(IpFamily family, List<Integer> words) {
        boolean mapped = words.get(0) == 0
                && words.get(1) == 0
                && bytes(words.subList(2, 3)).order(ByteOrder.BIG_ENDIAN).getInt(0) == 0xffff;
        return switch (family) {
            case IPV4 -> IpAddress.of(bytes(words.subList(0, 1)).array());
            case IPV6 ->
                IpAddress.of(bytes(mapped ? words.subList(3, 4) : words).array());
        };
    }
}
