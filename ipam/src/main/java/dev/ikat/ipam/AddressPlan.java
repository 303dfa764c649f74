package dev.ikat.ipam;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;

/**
 * The addresses that a network may assign: a pod gets one address of each family that has a range here, from the first
 * range of that family with a free one. The ranges do not overlap.
 *
 * @param ranges at least one, in the order in which they are used
 */
public record AddressPlan(List<AddressRange> ranges) {
    public AddressPlan {
        ranges = List.copyOf(ranges);
        if (ranges.isEmpty()) {
            throw new IllegalArgumentException("an address plan needs at least one range");
        }
        List<AddressRange> sorted = new ArrayList<>(ranges);
        sorted.sort(Comparator.comparing(AddressRange::first));
        for (int i = 1; i < sorted.size(); i++) {
            AddressRange lower = sorted.get(i - 1);
            AddressRange higher = sorted.get(i);
            if (lower.family() == higher.family() && higher.first().compareTo(lower.last()) <= 0) {
                throw new IllegalArgumentException("the ranges " + lower + " and " + higher + " overlap");
            }
        }
    }

    /** All addresses that the subnets can assign, in this order. */
    public static AddressPlan of(Cidr... subnets) {
        List<AddressRange> ranges = new ArrayList<>(subnets.length);
        for (Cidr subnet : subnets) {
            ranges.add(AddressRange.of(subnet));
        }
        return new AddressPlan(ranges);
    }

    /** The part of it that is of these families; empty if it has no range of any of them. */
    public Optional<AddressPlan> of(Set<IpFamily> families) {
        List<AddressRange> left = ranges.stream()
                .filter(range -> families.contains(range.family()))
                .toList();
        return left.isEmpty() ? Optional.empty() : Optional.of(new AddressPlan(left));
    }

    /**
     * The same without these addresses; the very same if it has none of them.
     *
     * @throws IllegalArgumentException if a range has no other
     */
    public AddressPlan without(NavigableSet<IpAddress> taken) {
        List<AddressRange> free = new ArrayList<>(ranges.size());
        for (AddressRange range : ranges) {
            NavigableSet<IpAddress> within = taken.subSet(range.first(), true, range.last(), true);
            free.add(
                    within.isEmpty()
                            ? range
                            : range.excluding(within.stream().map(Cidr::host).toArray(Cidr[]::new)));
        }
        return free.equals(ranges) ? this : new AddressPlan(free);
    }

    /** The families of the ranges, in their order: also the order of a lease's addresses. */
    public Set<IpFamily> families() {
        Set<IpFamily> families = new LinkedHashSet<>(4);
        for (AddressRange range : ranges) {
            families.add(range.family());
        }
        return families;
    }
}
