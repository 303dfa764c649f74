package dev.ikat.policy.program;

import dev.ikat.cluster.Protocol;
import java.util.Objects;

/**
 * Receiving ports of one protocol.
 *
 * @param protocol the protocol
 * @param first 0 to 65535; 0 together with 65535 means the whole protocol
 * @param last not below {@code first}, at most 65535
 */
public record PortSpan(Protocol protocol, int first, int last) {
    public PortSpan {
        Objects.requireNonNull(protocol, "protocol");
        if (first < 0 || last > 65535 || last < first) {
            throw new IllegalArgumentException("invalid ports " + first + " to " + last);
        }
    }

    /** Every port of a protocol. */
    public static PortSpan all(Protocol protocol) {
        return new PortSpan(protocol, 0, 65535);
    }

    /** Whether it covers every port of its protocol. */
    public boolean isAll() {
        return first == 0 && last == 65535;
    }
}
