package dev.ikat.ebpf.kernel;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.SetMember;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Keys and values of the maps as {@code src/main/bpf/maps.h} defines them: in the machine's byte order, addresses and
 * ports in network byte order.
 */
public final class Layout {
    /** IFNAMSIZ, linux/if.h. */
    private static final int NAME_BYTES = 16;

    static final int ADDRESS_BYTES = 16;

    /** Of {@code struct tuple}. */
    public static final int TUPLE_BYTES = 40;

    private Layout() {}

    public static ByteBuffer of(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
    }

    public static ByteBuffer copy(ByteBuffer from) {
        ByteBuffer copy = of(from.remaining());
        copy.put(from.duplicate());
        return copy.flip();
    }

    public static ByteBuffer number(int number) {
        return of(Integer.BYTES).putInt(number).flip();
    }

    /** An array of numbers of 16 bits. */
    public static ByteBuffer shorts(int[] numbers) {
        ByteBuffer buffer = of(numbers.length * Short.BYTES);
        for (int number : numbers) {
            buffer.putShort((short) number);
        }
        return buffer.flip();
    }

    /** A number as a key. */
    public static MapKey key(int number) {
        return MapKey.of(number(number));
    }

    public static MapKey name(InterfaceName name) {
        byte[] text = name.value().getBytes(StandardCharsets.UTF_8);
        return MapKey.of(ByteBuffer.wrap(Arrays.copyOf(text, NAME_BYTES)));
    }

    public static MapKey address(IpAddress address) {
        return MapKey.owning(bytes(address));
    }

    public static ByteBuffer put(ByteBuffer buffer, IpAddress address) {
        return buffer.put(bytes(address));
    }

    /** {@code struct address}: IPv4 as ::ffff:a.b.c.d. */
    private static byte[] bytes(IpAddress address) {
        byte[] own = address.toBytes();
        if (own.length == ADDRESS_BYTES) {
            return own;
        }
        byte[] mapped = new byte[ADDRESS_BYTES];
        mapped[10] = (byte) 0xff;
        mapped[11] = (byte) 0xff;
        System.arraycopy(own, 0, mapped, ADDRESS_BYTES - own.length, own.length);
        return mapped;
    }

    public static IpAddress address(ByteBuffer buffer) {
        byte[] bytes = new byte[ADDRESS_BYTES];
        buffer.get(bytes);
        boolean v4 = bytes[10] == (byte) 0xff && bytes[11] == (byte) 0xff;
        for (int i = 0; i < 10; i++) {
            v4 &= bytes[i] == 0;
        }
        return IpAddress.of(v4 ? Arrays.copyOfRange(bytes, 12, ADDRESS_BYTES) : bytes);
    }

    /** The key of an address, or of an address and its receiving port. */
    public static MapKey member(SetMember member) {
        return switch (member) {
            case SetMember.AddressMember(IpAddress address) -> address(address);
            case SetMember.PortMember port ->
                MapKey.of(put(of(ADDRESS_BYTES + 4), port.address())
                        .put((byte) port.protocol().number())
                        .put((byte) 0)
                        .put((byte) (port.port() >> 8))
                        .put((byte) port.port())
                        .flip());
        };
    }

    /** The key of a block, {@code struct block4} or {@code struct block6}. */
    public static MapKey block(Cidr block) {
        byte[] address = block.network().toBytes();
        return MapKey.of(of(Integer.BYTES + address.length)
                .putInt(block.prefixLength())
                .put(address)
                .flip());
    }

    /**
     * The key of a program's rules for ports, {@code struct port_key}.
     *
     * @param protocol its number, or 0 for any
     * @param bits how many bits of the port are compared; 0 for any port of the protocol
     */
    public static MapKey ports(int program, int protocol, int port, int bits) {
        int prefix = Integer.SIZE + (protocol == 0 ? 0 : Byte.SIZE + bits);
        return MapKey.of(of(11).putInt(prefix)
                .put((byte) (program >> 24))
                .put((byte) (program >> 16))
                .put((byte) (program >> 8))
                .put((byte) program)
                .put((byte) protocol)
                .put((byte) (port >> 8))
                .put((byte) port)
                .flip());
    }

    /** {@code struct place}. */
    public static MapKey place(IpAddress address, int protocol, int port) {
        return MapKey.of(port(
                        put(of(ADDRESS_BYTES + 4), address).put((byte) protocol).put((byte) 0), port)
                .flip());
    }

    /** The protocol's number in a {@code struct place}. */
    public static int protocol(MapKey place) {
        return Byte.toUnsignedInt(place.buffer().get(ADDRESS_BYTES));
    }

    /** {@code struct backend}. */
    public static ByteBuffer socket(IpAddress address, int port) {
        return port(put(of(ADDRESS_BYTES + 4), address), port)
                .putShort((short) 0)
                .flip();
    }

    private static ByteBuffer port(ByteBuffer buffer, int port) {
        return buffer.put((byte) (port >> 8)).put((byte) port);
    }

    /** Reads a port. */
    public static int port(ByteBuffer buffer) {
        return Byte.toUnsignedInt(buffer.get()) << 8 | Byte.toUnsignedInt(buffer.get());
    }

    /** {@code struct tuple}. */
    public static ByteBuffer tuple(
            IpAddress source, int sourcePort, IpAddress destination, int destinationPort, int protocol) {
        return port(port(put(put(of(TUPLE_BYTES), source), destination), sourcePort), destinationPort)
                .put((byte) protocol)
                .position(0);
    }

    /** {@code struct own}. */
    public static MapKey numberAndAddress(int number, IpAddress address) {
        return MapKey.of(
                put(of(Integer.BYTES + ADDRESS_BYTES).putInt(number), address).flip());
    }

    /** {@code struct sticky_backend}. */
    public static MapKey numberAndSocket(int number, IpAddress address, int port) {
        return MapKey.of(of(Integer.BYTES + ADDRESS_BYTES + 4)
                .putInt(number)
                .put(socket(address, port))
                .flip());
    }

    public static MapKey pair(int first, int second) {
        return MapKey.of(of(2 * Integer.BYTES).putInt(first).putInt(second).flip());
    }

    /** The two versions of a root. */
    public static ByteBuffer versions(int since, ByteBuffer now, ByteBuffer before) {
        return of(Integer.BYTES + 2 * now.remaining())
                .putInt(since)
                .put(now.duplicate())
                .put(before.duplicate())
                .flip();
    }

    /** The newer of two versions. */
    public static ByteBuffer now(ByteBuffer versions) {
        return versions.slice(Integer.BYTES, (versions.remaining() - Integer.BYTES) / 2)
                .order(ByteOrder.nativeOrder());
    }
}
