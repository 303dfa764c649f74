package dev.ikat.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Objects;

/**
 * Addresses from one to another, all of which may be given to services: a pool's blocks are no subnets, so that none of
 * them is a network's or a broadcast address.
 *
 * @param first the lowest
 * @param last the highest, of the same family
 */
public record AddressBlock(IpAddress first, IpAddress last) implements Comparable<AddressBlock> {
    public AddressBlock {
        Objects.requireNonNull(first, "first");
        Objects.requireNonNull(last, "last");
        if (first.family() != last.family()) {
            throw new IllegalArgumentException(
                    "the range " + first + "-" + last + " begins in one address family and ends in the other");
        }
        if (first.compareTo(last) > 0) {
            throw new IllegalArgumentException("the range " + first + "-" + last + " ends before it begins");
        }
        for (IpAddress end : new IpAddress[] {first, last}) {
            if (end.isUnspecified() || end.isLoopback() || end.isLinkLocal() || end.isMulticast()) {
                throw new IllegalArgumentException(
                        "the range " + first + "-" + last + " has " + end + ", at which no service can be reached");
            }
        }
    }

    /**
     * Parses a prefix, as in {@code 192.0.2.0/24}, or a range, as in {@code 192.0.2.10-192.0.2.20}.
     *
     * @throws IllegalArgumentException if it is neither, or no service can be reached at its ends
     */
    public static AddressBlock parse(String text) {
        int dash = text.indexOf('-');
        if (dash >= 0) {
            return new AddressBlock(
                    IpAddress.parse(text.substring(0, dash).strip()),
                    IpAddress.parse(text.substring(dash + 1).strip()));
        }
        if (text.indexOf('/') < 0) {
            throw new IllegalArgumentException(
                    "'" + text + "' is neither a prefix, as in 192.0.2.0/24, nor a range, as in "
                            + "192.0.2.10-192.0.2.20; write a single address as " + text
                            + (text.indexOf(':') >= 0 ? "/128" : "/32"));
        }
        Cidr cidr = Cidr.parse(text);
        return new AddressBlock(cidr.first(), cidr.last());
    }

    /** The family of all its addresses. */
    public IpFamily family() {
        return first.family();
    }

    /** Whether the address is in it. */
    public boolean contains(IpAddress address) {
        return address.family() == family() && first.compareTo(address) <= 0 && address.compareTo(last) <= 0;
    }

    /** Whether the two have an address in common. */
    public boolean overlaps(AddressBlock other) {
        return contains(other.first) || other.contains(first);
    }

    /** How many addresses are in it; {@link Long#MAX_VALUE} stands for that many and more. */
    public long size() {
        long distance = last.distanceFrom(first);
        return distance < 0 || distance == Long.MAX_VALUE ? Long.MAX_VALUE : distance + 1;
    }

    /** Orders by the first address. */
    @Override
    public int compareTo(AddressBlock other) {
        int byFirst = first.compareTo(other.first);
        return byFirst != 0 ? byFirst : last.compareTo(other.last);
    }

    /** The prefix if it is one; otherwise the range. */
    @Override
    public String toString() {
        for (int length = family().bits(); length >= 0; length--) {
            Cidr cidr = Cidr.containing(first, length);
            if (!cidr.first().equals(first)) {
                break;
            }
            if (cidr.last().equals(last)) {
                return cidr.toString();
            }
        }
        return first + "-" + last;
    }
}
