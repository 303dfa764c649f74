package dev.ikat.agent.announce;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.ArpPacket;
import dev.ikat.netlink.packet.ArpPacket.Operation;
import dev.ikat.netlink.packet.NeighbourPacket;
import dev.ikat.netlink.packet.NeighbourPacket.Advertisement;
import dev.ikat.netlink.packet.NeighbourPacket.Solicitation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The addresses that this node announces on one link: answers whoever asks for them, tells everybody when one has come
 * here and now and then afterwards, and notices other hosts that claim one. Times are nanoseconds. Not thread-safe.
 */
final class OwnAddresses {
    /** How often everybody is told of an address that has come here, and at what distance. */
    static final int FIRST_TIMES = 5;

    static final Duration FIRST_PAUSE = Membership.INTERVAL;

    /** How often afterwards: a switch or host may have missed it. */
    static final Duration PAUSE = Duration.ofMinutes(1);

    /** How often an address is defended, at most (RFC 5227, section 2.4: DEFEND_INTERVAL). */
    static final Duration DEFENCE = Duration.ofSeconds(10);

    /** For how long a conflict is remembered after it was last seen. */
    static final Duration MEMORY = Duration.ofMinutes(5);

    private final MacAddress mac;
    private final Wire wire;
    private final SortedMap<IpAddress, Announcing> addresses = new TreeMap<>();
    private final SortedMap<IpAddress, Claim> claims = new TreeMap<>();

    /** How often everybody was told of an address, and when that has to be done again. */
    private record Announcing(int times, long again) {}

    /** Another host's claim of an address. */
    private record Claim(MacAddress by, long seen, long defended) {}

    /** @param mac the link-layer address of this host on the link */
    OwnAddresses(MacAddress mac, Wire wire) {
        this.mac = mac;
        this.wire = wire;
    }

    /**
     * These and no others are announced from now on.
     *
     * @return those that are new
     */
    List<IpAddress> keep(Collection<IpAddress> now, long time) {
        addresses.keySet().retainAll(now);
        claims.keySet().retainAll(now);
        List<IpAddress> begun = new ArrayList<>();
        for (IpAddress address : now) {
            if (addresses.putIfAbsent(address, new Announcing(0, time)) == null) {
                begun.add(address);
            }
        }
        return begun;
    }

    /** The addresses, in order. */
    Set<IpAddress> all() {
        return Collections.unmodifiableSet(addresses.keySet());
    }

    /** Tells everybody of the addresses for which it is time. */
    void announce(long now) {
        addresses.replaceAll((address, announcing) -> {
            if (now - announcing.again < 0) {
                return announcing;
            }
            tell(address);
            Duration pause = announcing.times + 1 < FIRST_TIMES ? FIRST_PAUSE : PAUSE;
            return new Announcing(Math.min(announcing.times + 1, FIRST_TIMES), now + pause.toNanos());
        });
        claims.values().removeIf(claim -> now - claim.seen > MEMORY.toNanos());
    }

    private void tell(IpAddress address) {
        switch (address.family()) {
            case IPV4 -> {
                wire.send(ArpPacket.BROADCAST, ArpPacket.announcement(address, mac));
                wire.send(ArpPacket.BROADCAST, ArpPacket.unasked(address, mac));
            }
            case IPV6 ->
                wire.send(NeighbourPacket.groupMac(NeighbourPacket.ALL_NODES), Advertisement.unasked(address, mac));
        }
    }

    /** Answers a request for one of the addresses; returns whether it did. */
    boolean answer(ArpPacket packet) {
        boolean asked = packet.operation() == Operation.REQUEST
                && addresses.containsKey(packet.targetIp())
                && !packet.senderMac().equals(mac);
        if (asked) {
            wire.send(packet.senderMac(), packet.answer(mac));
        }
        return asked;
    }

    /**
     * Answers a solicitation for one of the addresses; returns whether it did.
     *
     * @param from the station that it came from
     */
    boolean answer(Solicitation packet, MacAddress from) {
        if (!addresses.containsKey(packet.target()) || from.equals(mac)) {
            return false;
        }
        MacAddress to = packet.source().isUnspecified()
                ? NeighbourPacket.groupMac(NeighbourPacket.ALL_NODES)
                : packet.sourceMac().orElse(from);
        wire.send(to, packet.answer(mac));
        return true;
    }

    /**
     * Another host's packet says that it has one of the addresses: whoever has heard it is told otherwise, now and
     * then.
     *
     * @param nodes the stations of other nodes, from which that is no surprise: an address goes from one to the other
     * @return the conflict, if it is a new one
     */
    Optional<AddressConflict> claimed(IpAddress address, MacAddress by, Set<MacAddress> nodes, long now) {
        if (!addresses.containsKey(address) || by.equals(mac) || nodes.contains(by)) {
            return Optional.empty();
        }
        Optional<Claim> before = Optional.ofNullable(claims.get(address));
        Optional<Long> defended = before.map(Claim::defended).filter(last -> now - last <= DEFENCE.toNanos());
        boolean defend = defended.isEmpty();
        if (defend) {
            tell(address);
        }
        claims.put(address, new Claim(by, now, defended.orElse(now)));
        boolean known = before.filter(claim -> claim.by.equals(by) || !defend).isPresent();
        return known ? Optional.empty() : Optional.of(new AddressConflict(address, by));
    }

    /** What other hosts have claimed lately. */
    List<AddressConflict> conflicts() {
        List<AddressConflict> conflicts = new ArrayList<>();
        claims.forEach((address, claim) -> conflicts.add(new AddressConflict(address, claim.by)));
        return conflicts;
    }
}
