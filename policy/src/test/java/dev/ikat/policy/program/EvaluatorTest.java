package dev.ikat.policy.program;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.PeerMatch.InBlock;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EvaluatorTest {
    private static final ObjectKey POLICY = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "web");
    private static final IpAddress POD = IpAddress.parse("10.0.0.1");
    private static final IpAddress PEER = IpAddress.parse("10.0.1.1");

    /** Each tier: what its rule does with the flow, or {@code -}, and what it does with the rest. */
    @ParameterizedTest
    @CsvSource({
        // admin, otherwise, network policy, otherwise, baseline, otherwise, verdict, tier
        "-, PASS, -, PASS, -, PASS, ACCEPT, ''",
        "ACCEPT, PASS, -, DENY, DENY, PASS, ACCEPT, ADMIN",
        "DENY, PASS, ACCEPT, DENY, ACCEPT, PASS, DENY, ADMIN",
        "PASS, DENY, ACCEPT, DENY, DENY, PASS, ACCEPT, NETWORK_POLICY",
        "PASS, PASS, -, DENY, ACCEPT, PASS, DENY, NETWORK_POLICY",
        "-, PASS, -, PASS, DENY, PASS, DENY, BASELINE",
        "-, PASS, PASS, DENY, ACCEPT, DENY, ACCEPT, BASELINE",
        "-, PASS, -, PASS, -, DENY, DENY, BASELINE",
        "PASS, DENY, PASS, DENY, PASS, DENY, ACCEPT, ''"
    })
    void firstTierThatAcceptsOrDeniesDecides(
            String admin,
            Action adminRest,
            String policy,
            Action policyRest,
            String baseline,
            Action baselineRest,
            Action verdict,
            String tier) {
        Decision decision = ingress(
                tier(Tier.ADMIN, admin, adminRest),
                tier(Tier.NETWORK_POLICY, policy, policyRest),
                tier(Tier.BASELINE, baseline, baselineRest));

        assertThat(decision.action()).isEqualTo(verdict);
        assertThat(decision.tier().map(Tier::name).orElse("")).isEqualTo(tier);
    }

    @Test
    void firstRuleThatMatchesDecidesWithinATier() {
        TierProgram tier = new TierProgram(
                Tier.ADMIN,
                List.of(
                        rule(0, Action.DENY, new PortSpan(Protocol.TCP, 443, 443)),
                        rule(1, Action.ACCEPT, new PortSpan(Protocol.TCP, 80, 90)),
                        rule(2, Action.DENY)),
                Action.PASS,
                List.of());

        Decision decision = ingress(tier);

        assertThat(decision).hasToString("ingress of Pod shop/web: accepted by NetworkPolicy shop/web ingress[1]");
    }

    @ParameterizedTest
    @CsvSource({
        "6, 80, true",
        "6, 90, true",
        "6, 79, false",
        "6, 91, false",
        "17, 80, false",
        "132, 9, true",
        "1, 0, false",
        "47, 0, false"
    })
    void portsAreOfTheirProtocol(int protocol, int port, boolean accepted) {
        TierProgram tier = new TierProgram(
                Tier.NETWORK_POLICY,
                List.of(rule(0, Action.ACCEPT, new PortSpan(Protocol.TCP, 80, 90), PortSpan.all(Protocol.SCTP))),
                Action.DENY,
                List.of(POLICY));

        assertThat(evaluator(tier).evaluate(new Flow(PEER, POD, protocol, port)).accepted())
                .isEqualTo(accepted);
    }

    @ParameterizedTest
    @CsvSource({"10.0.1.1, true", "10.0.1.4, false", "10.0.1.5, false", "10.0.1.6, true", "10.0.2.1, false"})
    void blockHasHoles(String peer, boolean accepted) {
        IpBlock block = new IpBlock(Cidr.parse("10.0.1.0/24"), List.of(Cidr.parse("10.0.1.4/31")));
        TierProgram tier = new TierProgram(
                Tier.NETWORK_POLICY,
                List.of(new CompiledRule(
                        new RuleId(POLICY, Direction.INGRESS, 0),
                        Action.ACCEPT,
                        List.of(new InBlock(block)),
                        List.of())),
                Action.DENY,
                List.of(POLICY));

        assertThat(evaluator(tier)
                        .evaluate(Flow.ping(IpAddress.parse(peer), POD))
                        .accepted())
                .isEqualTo(accepted);
    }

    @Test
    void flowBetweenOthersIsNobodysMatter() {
        Verdict verdict = evaluator().evaluate(Flow.of(PEER, IpAddress.parse("10.0.1.2"), Protocol.TCP, 80));

        assertThat(verdict).isEqualTo(new Verdict(true, Optional.empty(), Optional.empty()));
    }

    private static Decision ingress(TierProgram... tiers) {
        Verdict verdict = evaluator(tiers).evaluate(Flow.of(PEER, POD, Protocol.TCP, 80));
        assertThat(verdict.egress()).isEmpty();
        return verdict.ingress().orElseThrow();
    }

    private static Evaluator evaluator(TierProgram... tiers) {
        InterfaceName name = new InterfaceName("ik-web");
        Endpoint endpoint = new Endpoint(
                new Attachment(new ContainerId("c"), new InterfaceName("eth0")),
                name,
                List.of(POD),
                Optional.of(new ObjectKey(ObjectKind.POD, "shop", "web")));
        PodProgram pod = new PodProgram(endpoint, new DirectionProgram(List.of(tiers)), DirectionProgram.OPEN);
        return new Evaluator(new PolicyProgram(Map.of(), Map.of(name, pod)));
    }

    private static TierProgram tier(Tier tier, String action, Action otherwise) {
        List<CompiledRule> rules = action.equals("-") ? List.of() : List.of(rule(0, Action.valueOf(action)));
        return new TierProgram(tier, rules, otherwise, List.of());
    }

    private static CompiledRule rule(int index, Action action, PortSpan... ports) {
        return new CompiledRule(new RuleId(POLICY, Direction.INGRESS, index), action, List.of(), Arrays.asList(ports));
    }
}
