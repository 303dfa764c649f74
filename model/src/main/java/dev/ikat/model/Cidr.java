package dev.ikat.model;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Objects;

/**
 * A block of addresses: a network address, whose host bits are all zero, and a prefix length (RFC 4632).
 *
 * @param network the first address of the block
 * @param prefixLength the number of fixed leading bits: 0 to 32, or 0 to 128
 */
public record Cidr(IpAddress network, int prefixLength) implements Comparable<Cidr> {
    public Cidr {
        Objects.requireNonNull(network, "network");
        if (prefixLength < 0 || prefixLength > network.family().bits()) {
            throw new IllegalArgumentException("invalid prefix length of " + network + ": it has to be 0 to "
                    + network.family().bits() + ", but is " + prefixLength);
        }
        IpAddress masked = mask(network, prefixLength);
        if (!masked.equals(network)) {
            throw new IllegalArgumentException("'" + network + "/" + prefixLength
                    + "' has host bits set; the network is " + masked + "/" + prefixLength);
        }
    }

    /**
     * Parses {@code address/prefixLength}.
     *
     * @throws IllegalArgumentException if it is malformed or has host bits set
     */
    public static Cidr parse(String text) {
        InterfaceAddress parsed = InterfaceAddress.parse(text);
        return new Cidr(parsed.address(), parsed.prefixLength());
    }

    /** The block of this prefix length that contains {@code address}. */
    public static Cidr containing(IpAddress address, int prefixLength) {
        if (prefixLength < 0 || prefixLength > address.family().bits()) {
            throw new IllegalArgumentException("invalid prefix length of " + address + ": it has to be 0 to "
                    + address.family().bits() + ", but is " + prefixLength);
        }
        return new Cidr(mask(address, prefixLength), prefixLength);
    }

    /** The block of just this address: /32 or /128. */
    public static Cidr host(IpAddress address) {
        return new Cidr(address, address.family().bits());
    }

    /** The block of all addresses of a family: 0.0.0.0/0 or ::/0. */
    public static Cidr all(IpFamily family) {
        return new Cidr(new IpAddress(family, 0, 0), 0);
    }

    private static IpAddress mask(IpAddress address, int prefixLength) {
        int hostBits = address.family().bits() - prefixLength;
        long high = hostBits <= 64 ? address.high() : hostBits == 128 ? 0 : address.high() & (-1L << (hostBits - 64));
        long low = hostBits >= 64 ? 0 : address.low() & (-1L << hostBits);
        return new IpAddress(address.family(), high, low);
    }

    /** The family of all its addresses. */
    public IpFamily family() {
        return network.family();
    }

    /** The lowest address: the network address. */
    public IpAddress first() {
        return network;
    }

    /** The highest address; in an IPv4 subnet shorter than /31 the broadcast address. */
    public IpAddress last() {
        int hostBits = family().bits() - prefixLength;
        long high = hostBits <= 64 ? network.high() : hostBits == 128 ? -1 : network.high() | ~(-1L << (hostBits - 64));
        long low = hostBits >= 64 ? -1 : network.low() | ~(-1L << hostBits);
        return new IpAddress(family(), high, low);
    }

    /** Whether the address lies in this block; never for an address of the other family. */
    public boolean contains(IpAddress address) {
        return address.family() == family() && mask(address, prefixLength).equals(network);
    }

    /** Whether every address of {@code other} lies in this block. */
    public boolean contains(Cidr other) {
        return other.prefixLength >= prefixLength && contains(other.network);
    }

    /** Whether the two blocks share an address. */
    public boolean overlaps(Cidr other) {
        return contains(other) || other.contains(this);
    }

    /** The fewest blocks that have all addresses of these and no other ones, in their order. */
    public static List<Cidr> merged(Collection<Cidr> blocks) {
        Deque<Cidr> merged = new ArrayDeque<>();
        blocks.stream().sorted().forEach(block -> {
            Cidr last = merged.peekLast();
            if (last != null && last.contains(block)) {
                return;
            }
            Cidr whole = block;
            while (last != null && last.isOtherHalfOf(whole)) {
                merged.removeLast();
                whole = last.parent();
                last = merged.peekLast();
            }
            merged.addLast(whole);
        });
        return List.copyOf(merged);
    }

    private boolean isOtherHalfOf(Cidr other) {
        return prefixLength == other.prefixLength
                && prefixLength > 0
                && family() == other.family()
                && parent().equals(other.parent());
    }

    private Cidr parent() {
        return containing(network, prefixLength - 1);
    }

    /** Orders by network address; of equal ones, the wider block comes first. */
    @Override
    public int compareTo(Cidr other) {
        int byNetwork = network.compareTo(other.network);
        return byNetwork != 0 ? byNetwork : Integer.compare(prefixLength, other.prefixLength);
    }

    @Override
    public String toString() {
        return network + "/" + prefixLength;
    }
}
