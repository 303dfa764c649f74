package dev.ikat.backendtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.NumberedStream;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a backend allows on a node with three pods, of which the first is the server. */
@RequiresRoot
public abstract class BackendContract extends ProgramContract {
    private static final Duration LIMIT = Duration.ofMillis(400);
    private static final SetId PORTS = new SetId("pports");

    private final List<AutoCloseable> parts = new ArrayList<>();
    protected TestNamespace node;
    protected TestNamespace server;
    protected TestNamespace friend;
    protected TestNamespace stranger;

    /** Opens the backend in the namespace of the node. */
    protected abstract PolicyBackend open(TestNamespace node);

    @BeforeEach
    final void make() {
        RoutedNode routed = keep(new RoutedNode());
        node = routed.namespace();
        server = routed.addPod(endpoint(1));
        friend = routed.addPod(endpoint(2));
        stranger = routed.addPod(endpoint(3));
        keep(Probe.serve(server, 80, 81));
        keep(Probe.serve(friend, 80));
        backend = keep(open(node));
    }

    protected final <T extends AutoCloseable> T keep(T part) {
        parts.add(part);
        return part;
    }

    @AfterEach
    final void close() throws Exception {
        for (AutoCloseable part : parts.reversed()) {
            part.close();
        }
    }

    /** Which of the server's ports can be reached from there, in words: {@code v4 tcp 80}. */
    protected static Set<String> reached(TestNamespace from) {
        List<Probe.Target> targets = List.of(
                Probe.Target.tcp(from, v4(1), 80),
                Probe.Target.tcp(from, v6(1), 80),
                Probe.Target.tcp(from, v4(1), 81),
                Probe.Target.tcp(from, v6(1), 81),
                Probe.Target.udp(from, v4(1), 80),
                Probe.Target.udp(from, v6(1), 80));
        return Probe.check(targets, LIMIT).stream()
                .filter(Probe.Outcome::reached)
                .map(outcome -> {
                    Probe.Target target = outcome.target();
                    return (target.to().equals(v4(1)) ? "v4 " : "v6 ")
                            + target.protocol().name().toLowerCase(java.util.Locale.ROOT) + " " + target.port();
                })
                .collect(Collectors.toSet());
    }

    protected static final Set<String> ALL =
            Set.of("v4 tcp 80", "v6 tcp 80", "v4 tcp 81", "v6 tcp 81", "v4 udp 80", "v6 udp 80");

    @Test
    protected void openPodsReachEachOther() {
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEqualTo(ALL);
    }

    @Test
    protected void interfaceWithoutProgramIsClosed() {
        backend.replace(program(List.of(), open(1), open(2)));
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEmpty();
        backend.replace(program(List.of(), open(2), open(3)));
        assertThat(reached(friend)).isEmpty();
    }

    @Test
    protected void isolationLetsPassOnlyWhatARuleMatches() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEmpty();
    }

    /** Datagrams without an answer are each checked like a first one. */
    @Test
    protected void noPacketIsLostOrGetsInWhileTheSameIsPutInForceAgain() {
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients()));
        backend.replace(program);
        try (NumberedStream admitted = NumberedStream.start(friend, server, v4(1), 9000, 50_000);
                NumberedStream refused = NumberedStream.start(stranger, server, v4(1), 9001, 20_000)) {
            long end = System.nanoTime() + Duration.ofSeconds(3).toNanos();
            while (System.nanoTime() < end) {
                // An agent that starts looks first.
                assertThat(backend.probe()).isEmpty();
                backend.replace(program);
            }
            NumberedStream.Count count = admitted.end();
            assertThat(count.missing()).as(count.toString()).isZero();
            assertThat(count.sent()).isGreaterThan(1000);
            assertThat(refused.soFar().arrived()).isZero();
        }
    }

    @Test
    protected void portsOfAnyPeer() {
        backend.replace(
                ingress(List.of(), rule(Action.ACCEPT, List.of(), new PortSpan(Protocol.TCP, 81, 90), tcp(85))));
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 81");
        backend.replace(ingress(List.of(), rule(Action.ACCEPT, List.of(), PortSpan.all(Protocol.UDP), tcp(81))));
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 81", "v4 udp 80", "v6 udp 80");
    }

    @Test
    protected void blocksHaveHoles() {
        backend.replace(ingress(
                List.of(),
                rule(Action.ACCEPT, block("10.244.0.0/16", "10.244.1.3/32")),
                rule(Action.ACCEPT, block("::/0", "fd00:10:244:1::2/128"))));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v4 tcp 81", "v4 udp 80");
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v6 tcp 80", "v6 tcp 81", "v6 udp 80");
    }

    @Test
    protected void senderAndReceiverMustBothLetPass() {
        PodProgram friendSends = new PodProgram(
                endpoint(2), DirectionProgram.OPEN, isolated(rule(Action.ACCEPT, block("10.244.1.1/32"), tcp(80))));
        backend.replace(program(List.of(), open(1), friendSends, open(3)));
        assertThat(reached(friend)).containsExactly("v4 tcp 80");
        PodProgram closed = new PodProgram(endpoint(1), isolated(), DirectionProgram.OPEN);
        backend.replace(program(List.of(), closed, friendSends, open(3)));
        assertThat(reached(friend)).isEmpty();
    }

    @Test
    protected void namedPortsAreSetsOfAddressAndPort() {
        AddressSet ports = new AddressSet(
                PORTS,
                AddressSet.Form.PORTS,
                "port web",
                Set.of(
                        new SetMember.PortMember(v4(1), Protocol.TCP, 81),
                        new SetMember.PortMember(v6(1), Protocol.UDP, 80)));
        PodProgram friendSends = new PodProgram(
                endpoint(2), DirectionProgram.OPEN, isolated(rule(Action.ACCEPT, List.of(new PeerMatch.InSet(PORTS)))));
        backend.replace(program(List.of(ports), open(1), friendSends, open(3)));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 81", "v6 udp 80");

        backend.apply(new PolicyChange(
                List.of(),
                Map.of(
                        PORTS,
                        new PolicyChange.Members(
                                Set.of(new SetMember.PortMember(v6(1), Protocol.TCP, 80)),
                                Set.of(new SetMember.PortMember(v4(1), Protocol.TCP, 81)))),
                List.of(),
                List.of(),
                Set.of()));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v6 tcp 80", "v6 udp 80");
    }

    @Test
    protected void tiersAreAskedInOrder() {
        TierProgram admin = new TierProgram(
                Tier.ADMIN,
                List.of(
                        rule(Action.DENY, block("10.244.1.3/32")),
                        rule(Action.PASS, block("10.244.1.2/32")),
                        rule(Action.ACCEPT, List.of(), tcp(80))),
                Action.PASS,
                List.of());
        TierProgram policies = new TierProgram(
                Tier.NETWORK_POLICY, List.of(rule(Action.ACCEPT, clients(), tcp(81))), Action.DENY, List.of(POLICY));
        backend.replace(program(
                List.of(set(2, 3)),
                new PodProgram(endpoint(1), new DirectionProgram(List.of(admin, policies)), DirectionProgram.OPEN),
                open(2),
                open(3)));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 80", "v6 tcp 81");
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v6 tcp 80", "v6 tcp 81");
    }

    @Test
    protected void sourceThatIsNotTheEndpointsIsDropped() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        stranger.ip("addr", "add", "10.244.1.2/32", "dev", "lo");
        stranger.ip("route", "replace", "default", "via", "169.254.1.1", "dev", "eth0", "onlink", "src", "10.244.1.2");
        node.ip("route", "replace", "10.244.1.2/32", "dev", hostInterface(3).value());
        assertThat(reached(stranger)).isEmpty();
    }

    @Test
    protected void changesOfEveryKind() {
        backend.replace(program(List.of(), open(1), open(2)));
        assertThat(reached(friend)).isEqualTo(ALL);

        PodProgram isolated =
                new PodProgram(endpoint(1), isolated(rule(Action.ACCEPT, clients(), tcp(80))), DirectionProgram.OPEN);
        backend.apply(new PolicyChange(List.of(set(3)), Map.of(), List.of(isolated, open(3)), List.of(), Set.of()));
        assertThat(reached(friend)).isEmpty();
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");

        backend.apply(new PolicyChange(
                List.of(),
                Map.of(CLIENTS, new PolicyChange.Members(members(2), members(3))),
                List.of(),
                List.of(),
                Set.of()));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();

        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(open(1)), List.of(endpoint(3)), Set.of(CLIENTS)));
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEmpty();
    }

    @Override
    protected void afterRefusedChange() {
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
    }

    /** The kernel's state of this kind of backend without its counters: the same before and after. */
    protected abstract String state(TestNamespace node);

    @Override
    protected final String state() {
        return state(node);
    }

    @Override
    protected void afterRemoval() {
        assertThat(reached(stranger)).isEqualTo(ALL);
    }

    @Override
    protected void afterChanges() {
        assertThat(reached(friend)).isEmpty();
    }
}
