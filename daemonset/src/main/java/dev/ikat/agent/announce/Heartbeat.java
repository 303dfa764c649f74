package dev.ikat.agent.announce;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.packet.PacketFilter;
import dev.ikat.netlink.packet.PacketFilter.Field;
import dev.ikat.netlink.packet.PacketFilter.Size;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What a node tells the others on a link five times a second, in an Ethernet frame to all stations. It has an EtherType
 * of its own, so that no router passes it on, no pod can send it, and no host's firewall is in its way.
 *
 * @param node the node's name
 * @param address an InternalIP of it: another cluster on the same link may have nodes of the same names
 * @param incarnation any number, another one each time that the node begins to take part
 * @param standing what it does
 * @param givenUp other nodes that have fallen silent: {@link #hash} of the name, and the incarnation
 */
record Heartbeat(String node, IpAddress address, long incarnation, Standing standing, Map<Long, Long> givenUp) {
    /** "Local Experimental Ethertype 1" (IEEE 802); the content begins with a number that only Ikat's has. */
    static final int PROTOCOL = 0x88b5;

    private static final int MAGIC = 0x694b_6174; // "iKat"
    private static final byte VERSION = 1;

    /** Frames that begin as those of this version do. */
    static final PacketFilter FILTER =
            PacketFilter.of(Field.of(Size.WORD, 0, MAGIC), Field.of(Size.BYTE, Integer.BYTES, VERSION));

    /** More do not fit into a frame of 1280 bytes together with the longest name. */
    static final int MOST_GIVEN_UP = 48;

    private static final int LONGEST_NAME = 253;

    /** Of which the others give addresses only to those that are active. */
    enum Standing {
        /** It listens, and takes no addresses yet. */
        JOINING(1),
        /** It answers for the addresses that fall to it. */
        ACTIVE(2),
        /** It has stopped: the others take its addresses over at once. */
        LEAVING(3);

        private final int code;

        Standing(int code) {
            this.code = code;
        }
    }

    Heartbeat {
        Objects.requireNonNull(address, "address");
        Objects.requireNonNull(standing, "standing");
        givenUp = Map.copyOf(givenUp);
        if (node.isEmpty() || node.getBytes(UTF_8).length > LONGEST_NAME) {
            throw new IllegalArgumentException("the name of a node has 1 to 253 bytes: '" + node + "'");
        }
        if (givenUp.size() > MOST_GIVEN_UP) {
            throw new IllegalArgumentException("at most " + MOST_GIVEN_UP + " nodes are told of");
        }
    }

    /** A number that stands for a node's name, the same on all nodes (FNV-1a, and a finish that spreads its bits). */
    static long hash(String node) {
        long hash = 0xcbf2_9ce4_8422_2325L;
        for (byte one : node.getBytes(UTF_8)) {
            hash = (hash ^ (one & 0xff)) * 0x100_0000_01b3L;
        }
        return mix(hash);
    }

    /** Spreads the bits of a number over all others (the finish of MurmurHash3). */
    static long mix(long bits) {
        long hash = (bits ^ (bits >>> 33)) * 0xff51_afd7_ed55_8ccdL;
        hash = (hash ^ (hash >>> 33)) * 0xc4ce_b9fe_1a85_ec53L;
        return hash ^ (hash >>> 33);
    }

    /** What follows the Ethernet header, a new array. */
    byte[] bytes() {
        byte[] name = node.getBytes(UTF_8);
        byte[] ip = address.toBytes();
        ByteBuffer out = ByteBuffer.allocate(
                Integer.BYTES + 5 + Long.BYTES + ip.length + name.length + givenUp.size() * 2 * Long.BYTES);
        out.putInt(MAGIC)
                .put(VERSION)
                .put((byte) standing.code)
                .put((byte) givenUp.size())
                .putLong(incarnation)
                .put((byte) ip.length)
                .put(ip)
                .put((byte) name.length)
                .put(name);
        givenUp.forEach((hash, number) -> out.putLong(hash).putLong(number));
        return out.array();
    }

    /** Reads what follows the Ethernet header; empty for what is no heartbeat. */
    static Optional<Heartbeat> read(ByteBuffer payload) {
        try {
            ByteBuffer in = payload.slice();
            if (in.getInt() != MAGIC || in.get() != VERSION) {
                return Optional.empty();
            }
            int code = in.get();
            int count = Byte.toUnsignedInt(in.get());
            long incarnation = in.getLong();
            IpAddress address = IpAddress.of(take(in));
            String name = new String(take(in), UTF_8);
            Map<Long, Long> givenUp = new HashMap<>();
            for (int i = 0; i < count; i++) {
                givenUp.put(in.getLong(), in.getLong());
            }
            return Arrays.stream(Standing.values())
                    .filter(standing -> standing.code == code)
                    .findFirst()
                    .map(standing -> new Heartbeat(name, address, incarnation, standing, givenUp));
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            // Whoever else uses this EtherType may send anything.
            return Optional.empty();
        }
    }

    private static byte[] take(ByteBuffer in) {
        byte[] bytes = new byte[Byte.toUnsignedInt(in.get())];
        in.get(bytes);
        return bytes;
    }
}
