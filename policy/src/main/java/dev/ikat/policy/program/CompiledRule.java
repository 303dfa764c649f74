package dev.ikat.policy.program;

import java.util.List;
import java.util.Objects;

/**
 * Matches a packet whose other end is one of the peers and whose receiving port is one of the ports. A rule with named
 * ports is compiled to several of these with the same {@code id}.
 *
 * @param id the rule that it was compiled from
 * @param action what is done with the packets that it matches
 * @param peers the other ends; none means any
 * @param ports the receiving ports; none means any of any protocol, including protocols without ports
 */
public record CompiledRule(RuleId id, Action action, List<PeerMatch> peers, List<PortSpan> ports) {
    public CompiledRule {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(action, "action");
        peers = List.copyOf(peers);
        ports = List.copyOf(ports);
    }
}
