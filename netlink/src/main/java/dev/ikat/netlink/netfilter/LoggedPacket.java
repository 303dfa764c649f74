package dev.ikat.netlink.netfilter;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * A packet that a rule logged.
 *
 * @param prefix the text that the rule has for it; possibly empty
 * @param hook where it was: NF_INET_* (linux/netfilter.h), 2 for what is forwarded
 * @param inputInterface the index of the link it came by, 0 if it came by none
 * @param outputInterface the index of the link it would leave by, 0 if there is none
 * @param received when it arrived; empty where the kernel does not say
 * @param sequence counts what the group logged, from 0 when it was bound, unsigned; loss shows as a gap
 * @param header who sent what to whom; empty if the logged part is too short to say, or no IP packet's
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
