package dev.ikat.nftables;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.RuleId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TierChainTest {
    private static final PortSpan HTTP = new PortSpan(Protocol.TCP, 80, 80);
    private static final PortSpan DNS = new PortSpan(Protocol.UDP, 53, 53);
    private static final PortSpan RANGE = new PortSpan(Protocol.TCP, 80, 90);

    private static CompiledRule rule(Action action, PortSpan... ports) {
        ObjectKey policy = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "web");
        return new CompiledRule(new RuleId(policy, Direction.INGRESS, 0), action, List.of(), List.of(ports));
    }

    @Test
    void fewRulesStayInOneChain() {
        List<CompiledRule> rules = List.of(rule(Action.ACCEPT, HTTP), rule(Action.ACCEPT, DNS));
        assertThat(TierChain.of("to", rules, 3))
                .containsExactly(new TierChain("to", rules, true, Map.of(), Optional.empty()));
    }

    @Test
    void rulesForSinglePortsAreLookedUpAndTheOthersFollow() {
        CompiledRule both = rule(Action.ACCEPT, HTTP, DNS);
        CompiledRule http = rule(Action.ACCEPT, HTTP, HTTP);
        CompiledRule range = rule(Action.ACCEPT, RANGE);
        CompiledRule any = rule(Action.ACCEPT);
        Optional<String> rest = Optional.of("to.rest");
        assertThat(TierChain.of("to", List.of(range, both, any, http), 2))
                .containsExactly(
                        new TierChain("to", List.of(), true, Map.of(HTTP, "to.tcp.80", DNS, "to.udp.53"), rest),
                        new TierChain("to.tcp.80", List.of(both, http), false, Map.of(), rest),
                        new TierChain("to.udp.53", List.of(both), false, Map.of(), rest),
                        new TierChain("to.rest", List.of(range, any), true, Map.of(), Optional.empty()));
    }

    @Test
    void rulesDoNotChangePlacesWithOnesThatDoSomethingElse() {
        CompiledRule accepts = rule(Action.ACCEPT, HTTP);
        CompiledRule denies = rule(Action.DENY, HTTP);
        assertThat(TierChain.of("to", List.of(accepts, denies), 1))
                .extracting(TierChain::name, TierChain::rules, TierChain::then)
                .containsExactly(
                        tuple("to", List.of(), Optional.of("to.rest")),
                        tuple("to.tcp.80", List.of(accepts), Optional.of("to.rest")),
                        tuple("to.rest", List.of(), Optional.of("to.rest.rest")),
                        tuple("to.rest.tcp.80", List.of(denies), Optional.of("to.rest.rest")),
                        tuple("to.rest.rest", List.of(), Optional.empty()));
    }
}
