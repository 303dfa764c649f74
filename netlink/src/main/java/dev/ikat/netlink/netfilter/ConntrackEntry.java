package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import java.util.Objects;

/**
 * A connection that the kernel tracks.
 *
 * @param original the addresses and ports of its first packet
 * @param reply those of its answers: both ends swapped, after every address translation
 * @param zone the zone that separates it from other connections, 0 unless zones are used
 * @param status bits IPS_* ({@code linux/netfilter/nf_conntrack_common.h})
 * @param id distinguishes it from an earlier or later connection with the same tuples; 32 opaque bits
 * @param mark its connection mark, 0 if none was set
 */
public record ConntrackEntry(ConntrackTuple original, ConntrackTuple reply, int zone, int status, int id, int mark) {
    private static final int IPS_EXPECTED = 1;
    private static final int IPS_SEEN_REPLY = 1 << 1;
    private static final int IPS_ASSURED = 1 << 2;

    public ConntrackEntry {
        Objects.requireNonNull(original, "original");
        Objects.requireNonNull(reply, "reply");
    }

    /** The address that opened it, before any translation. */
    public IpAddress sender() {
        return original.source();
    }

    /** The address that answers, after any translation of the destination. */
    public IpAddress receiver() {
        return reply.source();
    }

    /** The port at which the receiver answers; 0 for a protocol without ports. */
    public int receiverPort() {
        return reply.sourcePort();
    }

    /** Whether a conntrack helper expected it, as with the data connection of an FTP session. */
    public boolean expected() {
        return (status & IPS_EXPECTED) != 0;
    }

    /** Whether packets were seen in both directions. */
    public boolean answered() {
        return (status & IPS_SEEN_REPLY) != 0;
    }

    /** Whether it is established, and therefore not evicted first when the table is full. */
    boolean assured() {
        return (status & IPS_ASSURED) != 0;
    }

    @Override
    public String toString() {
        return "connection " + original + ", answered by " + reply;
    }
}
