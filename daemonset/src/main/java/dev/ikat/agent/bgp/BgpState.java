package dev.ikat.agent.bgp;

import dev.ikat.bgp.bird.SessionState;
import java.util.List;
import java.util.Optional;

/**
 * What has become of BGP on this node.
 *
 * @param spoken whether this node is to speak it
 * @param failure why BIRD does not run by the present objects; empty if it does
 * @param answers whether BIRD answers
 * @param announced how many different routes this node announces
 * @param sessions its sessions, by name
 * @param findings what is wrong with objects, a sentence each
 */
public record BgpState(
        boolean spoken,
        Optional<String> failure,
        boolean answers,
        int announced,
        List<SessionState> sessions,
        List<String> findings) {
    /** BGP is not spoken. */
    public static final BgpState OFF = new BgpState(false, Optional.empty(), false, 0, List.of(), List.of());

    public BgpState {
        sessions = List.copyOf(sessions);
        findings = List.copyOf(findings);
    }
}
