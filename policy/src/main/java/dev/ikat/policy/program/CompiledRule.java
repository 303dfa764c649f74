package dev.ikat.policy.program;

import java.util.List;
import java.util.Objects;

/**
 * Matches a packet whose other end is any of the peers and whose receiving port is any of the ports. A rule with named
 * ports becomes several of these with the same {@code id}.
 *
 * @param id the rule that it comes from
 * @param action what is done with what it matches
 * @param peers the other ends; none means any
 * @param ports the receiving ports; none means any, of any protocol, also of those that have no ports
 */
public record CompiledRule(RuleId id, Action action, List<PeerMatch> peers, List<PortSpan> ports) {
    public CompiledRule {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(action, "action");
        peers = List.copyOf(peers);
        ports = List.copyOf(ports);
    }
}
