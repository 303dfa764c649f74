package dev.ikat.netlink.netfilter;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * A packet that a rule logged.
 *
 * @param prefix the text that the rule adds; possibly empty
 * @param hook the hook that it passed: NF_INET_* ({@code linux/netfilter.h}), 2 for forwarded packets
 * @param inputInterface the index of the link that it arrived on, 0 if there is none
 * @param outputInterface the index of the link that it would leave by, 0 if there is none
 * @param received when it arrived; empty if the kernel does not say
 * @param sequence counts the group's packets, from 0 when it was bound, unsigned; a gap shows a loss
 * @param header its addresses, protocol and ports; empty if the logged part is too short or not an IP packet
 */
public record LoggedPacket(
        String prefix,
        int hook,
        int inputInterface,
        int outputInterface,
        Optional<Instant> received,
        int sequence,
        Optional<PacketHeader> header) {
    /** The hook of packets that the node forwards, NF_INET_FORWARD. */
    public static final int FORWARD = 2;

    public LoggedPacket {
        Objects.requireNonNull(prefix, "prefix");
        Objects.requireNonNull(received, "received");
        Objects.requireNonNull(header, "header");
    }
}
