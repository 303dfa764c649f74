package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import java.util.Objects;

/**
 * A connection that the kernel tracks.
 *
 * @param original what its first packet said
 * @param reply what its answers say: the ends the other way round, after every translation of addresses
 * @param zone the zone in which it is told from others, 0 unless somebody uses zones
 * @param status bits IPS_* (linux/netfilter/nf_conntrack_common.h)
 * @param id tells it from an earlier or later connection with the same tuples; 32 opaque bits
 * @param mark what somebody noted of it, 0 for nothing
 */
public record ConntrackEntry(ConntrackTuple original, ConntrackTuple reply, int zone, int status, int id, int mark) {
    private static final int IPS_EXPECTED = 1;
    private static final int IPS_SEEN_REPLY = 1 << 1;
    private static final int IPS_ASSURED = 1 << 2;

    public ConntrackEntry {
        Objects.requireNonNull(original, "original");
        Objects.requireNonNull(reply, "reply");
    }

    /** Who opened it, before any translation of its address. */
    public IpAddress sender() {
        return original.source();
    }

    /** Who answers, after any translation of the address that was called. */
    public IpAddress receiver() {
        return reply.source();
    }

    /** The port at which the receiver answers; 0 for a protocol without ports. */
    public int receiverPort() {
        return reply.sourcePort();
    }

    /** Whether it was expected by a tracked protocol, as an FTP session's data connection is. */
    public boolean expected() {
        return (status & IPS_EXPECTED) != 0;
    }

    /** Whether there were packets in both directions. */
    public boolean answered() {
        return (status & IPS_SEEN_REPLY) != 0;
    }

    /** Whether it is established and not the first to go when the table is full. */
    public boolean assured() {
        return (status & IPS_ASSURED) != 0;
    }

    @Override
    public String toString() {
        return "connection " + original + ", answered by " + reply;
    }
}
