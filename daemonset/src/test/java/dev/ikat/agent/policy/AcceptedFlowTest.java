package dev.ikat.agent.policy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.BenchPrograms;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PolicyView;
import dev.ikat.policy.program.Verdict;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AcceptedFlowTest {
    private static final PeerMatch CLIENT = new PeerMatch.InBlock(new IpBlock(Cidr.parse("10.244.1.2/32"), List.of()));

    @Test
    void bothPodsAndTheRuleAreNamed() {
        PodProgram server = BenchPrograms.pod(1, List.of(BenchPrograms.rule(7, CLIENT, 80)));
        Evaluator evaluator = new Evaluator(
                new PolicyProgram(Map.of(), Map.of(server.endpoint().hostInterface(), server)));
        PolicyView policy = new PolicyView() {
            @Override
            public Verdict evaluate(Flow flow) {
                return evaluator.evaluate(flow);
            }

            @Override
            public Optional<Endpoint> endpoint(IpAddress address) {
                return evaluator.endpoint(address);
            }
        };
        Flow flow = Flow.of(IpAddress.parse("10.244.1.2"), IpAddress.parse("10.244.1.1"), Protocol.TCP, 80);
        assertThat(DropReader.accepted(
                        flow, policy, _ -> Optional.of(new ObjectKey(ObjectKind.POD, "shop", "elsewhere"))))
                .containsEntry("flow", "10.244.1.2 -> 10.244.1.1 TCP/80")
                .containsEntry("from", "shop/elsewhere")
                .containsEntry("to", "shop/pod-1")
                .hasEntrySatisfying(
                        "verdict",
                        verdict -> assertThat(verdict)
                                .contains(
                                        "ingress of Pod shop/pod-1: accepted by NetworkPolicy shop/policy-7 ingress[0]"));
    }
}
