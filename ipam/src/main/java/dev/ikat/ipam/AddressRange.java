package dev.ikat.ipam;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The addresses of one subnet that may be assigned to pods: from {@code first} to {@code last}, without the exclusions,
 * the gateway, and the addresses that the subnet itself reserves. There is at least one.
 *
 * <p>An IPv4 subnet reserves its network address and its broadcast address, except in a /31 (RFC 3021) and a /32. An
 * IPv6 subnet reserves its subnet-router anycast address (RFC 4291, section 2.6.1), except in a /127 (RFC 6164) and a
 * /128.
 *
 * @param subnet the block that contains the whole range
 * @param first the lowest address that may be assigned
 * @param last the highest address that may be assigned
 * @param exclusions blocks that are never assigned, each of which overlaps the subnet
 * @param gateway an address that is never assigned, because a router has it
 */
public record AddressRange(
        Cidr subnet, IpAddress first, IpAddress last, Set<Cidr> exclusions, Optional<IpAddress> gateway) {
    public AddressRange {
        Objects.requireNonNull(gateway, "gateway");
        exclusions = Collections.unmodifiableSet(new LinkedHashSet<>(exclusions));
        if (!subnet.contains(first) || !subnet.contains(last)) {
            throw new IllegalArgumentException(
                    "the range " + first + " to " + last + " is not within its subnet " + subnet);
        }
        if (first.compareTo(last) > 0) {
            throw new IllegalArgumentException("the range " + first + " to " + last + " ends before it begins");
        }
        for (Cidr exclusion : exclusions) {
            if (!exclusion.overlaps(subnet)) {
                throw new IllegalArgumentException("the exclusion " + exclusion + " is outside the subnet " + subnet);
            }
        }
        if (gateway.isPresent() && gateway.get().family() != subnet.family()) {
            throw new IllegalArgumentException(
                    "the gateway " + gateway.get() + " is not of the address family of " + subnet);
        }
        if (reserved(subnet, first, last, exclusions, gateway)
                .firstAbsent(first, last)
                .isEmpty()) {
            throw new IllegalArgumentException("the range " + first + " to " + last + " of " + subnet
                    + " has no address to assign: all are excluded or reserved");
        }
    }

    /** Every address of the subnet that may be assigned. */
    public static AddressRange of(Cidr subnet) {
        return new AddressRange(subnet, subnet.first(), subnet.last(), Set.of(), Optional.empty());
    }

    /** This range without these blocks. */
    public AddressRange excluding(Cidr... blocks) {
        Set<Cidr> all = new LinkedHashSet<>(exclusions);
        all.addAll(List.of(blocks));
        return new AddressRange(subnet, first, last, all, gateway);
    }

    /** This range without the address of its router. */
    public AddressRange withGateway(IpAddress router) {
        return new AddressRange(subnet, first, last, exclusions, Optional.of(router));
    }

    /** This range from {@code lowest} to {@code highest} only. */
    public AddressRange between(IpAddress lowest, IpAddress highest) {
        return new AddressRange(subnet, lowest, highest, exclusions, gateway);
    }

    /** The family of all its addresses. */
    public IpFamily family() {
        return subnet.family();
    }

    /** How many addresses may be assigned; {@link Long#MAX_VALUE} stands for that many or more. */
    public long size() {
        IntervalSet all = new IntervalSet();
        all.add(first, last);
        long size = all.count();
        return size == Long.MAX_VALUE ? size : size - reserved().count();
    }

    /** Whether the address may be assigned. */
    public boolean contains(IpAddress address) {
        return whyNot(address).isEmpty();
    }

    /** Why the address may not be given, as the end of a sentence; empty if it may. */
    Optional<String> whyNot(IpAddress address) {
        if (address.family() != family() || address.compareTo(first) < 0 || address.compareTo(last) > 0) {
            return Optional.of("is outside the range " + this);
        }
        if (gateway.isPresent() && gateway.get().equals(address)) {
            return Optional.of("is the gateway of " + subnet);
        }
        if (reservesFirst(subnet) && address.equals(subnet.first())) {
            return Optional.of("is the network address of " + subnet);
        }
        if (reservesLast(subnet) && address.equals(subnet.last())) {
            return Optional.of("is the broadcast address of " + subnet);
        }
        for (Cidr exclusion : exclusions) {
            if (exclusion.contains(address)) {
                return Optional.of("is excluded by " + exclusion);
            }
        }
        return Optional.empty();
    }

    /** The addresses between first and last that may not be given. */
    IntervalSet reserved() {
        return reserved(subnet, first, last, exclusions, gateway);
    }

    private static IntervalSet reserved(
            Cidr subnet, IpAddress first, IpAddress last, Set<Cidr> exclusions, Optional<IpAddress> gateway) {
        IntervalSet reserved = new IntervalSet();
        for (Cidr exclusion : exclusions) {
            addWithin(reserved, exclusion.first(), exclusion.last(), first, last);
        }
        gateway.ifPresent(router -> addWithin(reserved, router, router, first, last));
        if (reservesFirst(subnet)) {
            addWithin(reserved, subnet.first(), subnet.first(), first, last);
        }
        if (reservesLast(subnet)) {
            addWithin(reserved, subnet.last(), subnet.last(), first, last);
        }
        return reserved;
    }

    private static void addWithin(IntervalSet set, IpAddress from, IpAddress to, IpAddress lowest, IpAddress highest) {
        IpAddress start = from.compareTo(lowest) < 0 ? lowest : from;
        IpAddress end = to.compareTo(highest) > 0 ? highest : to;
        if (start.compareTo(end) <= 0) {
            set.add(start, end);
        }
    }

    private static boolean reservesFirst(Cidr subnet) {
        return subnet.prefixLength() < subnet.family().bits() - 1;
    }

    private static boolean reservesLast(Cidr subnet) {
        return subnet.family() == IpFamily.IPV4 && subnet.prefixLength() < 31;
    }

    /** The subnet, and the part of it that the range covers if that is not all. */
    @Override
    public String toString() {
        return first.equals(subnet.first()) && last.equals(subnet.last())
                ? subnet.toString()
                : subnet + " (" + first + " to " + last + ")";
    }
}
