package dev.ikat.agent.firewall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.firewall.SelfTest.Findings;
import dev.ikat.agent.firewall.SelfTest.Target;
import dev.ikat.agent.firewall.SelfTest.Way;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.InForce;
import dev.ikat.agent.overlay.OverlayRoute;
import dev.ikat.agent.overlay.OverlayState;
import dev.ikat.agent.overlay.Peer;
import dev.ikat.agent.overlay.Uplink;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.agent.reconcile.ReconcileLoop.Reconciliation;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.dataplane.AcceptanceState;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.AddressRange;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FirewallKeeperTest {
    private static final Cidr BLOCK = Cidr.parse("10.244.1.0/24");
    private static final Cidr FAR = Cidr.parse("10.244.2.0/24");
    private static final IpAddress PEER = IpAddress.parse("192.0.2.12");
    private static final FirewallSurvey DROPPING = new FirewallSurvey(
            List.of(new Obstacle(Hook.FORWARD, "the chain 'x' drops", "nft y", false)), true, Map.of());
    private static final FirewallSurvey WITH_RULES = new FirewallSurvey(List.of(), true, Map.of());

    private final FakeKernel kernel = new FakeKernel();
    private final Dataplanes dataplanes =
            new Dataplanes(Map.of(Backend.IPTABLES, new FakeDataplane(kernel, "iptables")), Backend.IPTABLES);
    private final List<List<SelfTest.Target>> tests = new ArrayList<>();
    private volatile FirewallSurvey host = FirewallSurvey.NOTHING;
    private volatile int generation = 1;
    private volatile boolean legacy;
    private volatile boolean othersReady = true;
    private volatile boolean nodeKnown = true;
    private volatile OverlayRoute way = new OverlayRoute.Tunnelled(FAR, FAR.network(), IpFamily.IPV4);
    private volatile Optional<Findings> findings = Optional.of(new Findings(Set.of(), List.of()));
    private volatile Instant now = Instant.parse("2026-01-01T00:00:00Z");
    private volatile CountDownLatch tested = new CountDownLatch(1);

    /** A self-test does not end before it is awaited. */
    private final Semaphore mayEnd = new Semaphore(0);

    private final Clock clock = new Clock() {
        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }

        @Override
        public Instant instant() {
            return now;
        }
    };

    private final FirewallKeeper keeper = new FirewallKeeper(
            () -> Optional.of(situation()).filter(_ -> nodeKnown),
            () -> Optional.of(new AddressPlan(List.of(AddressRange.of(BLOCK)))),
            dataplanes,
            new HostRuleset() {
                @Override
                public int generation() {
                    return generation;
                }

                @Override
                public boolean hasLegacyTables() {
                    return legacy;
                }

                @Override
                public FirewallSurvey survey(Arrivals arrivals) {
                    return host;
                }

                @Override
                public void close() {}
            },
            (plan, mtu, targets) -> {
                tests.add(targets);
                try {
                    mayEnd.acquire();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                return findings;
            },
            () -> othersReady,
            () -> tested.countDown(),
            clock);

    private Reconciliation part = () -> 0;

    @AfterEach
    void close() {
        keeper.close();
    }

    private NodeSituation situation() {
        IpAddress self = IpAddress.parse("192.0.2.11");
        Uplink uplink = new Uplink(2, new InterfaceName("eth0"), 1500, List.of());
        OverlayState overlay = new OverlayState(
                List.of(new OverlayState.Tunnel(
                        new InterfaceName("ikat-vxlan"),
                        4796,
                        8472,
                        self,
                        MacAddress.parse("02:00:00:00:00:01"),
                        1450,
                        true)),
                Set.of(),
                Map.of(),
                Map.of(),
                Set.of(),
                1450,
                Set.of(IpFamily.IPV4),
                "a",
                Set.of(BLOCK),
                List.of(new Peer("b", List.of(PEER), Set.of(FAR), Set.of(way))),
                List.of(),
                InForce.NOTHING);
        return new NodeSituation(
                new Node("a", Labels.NONE, List.of(BLOCK), List.of(self)),
                uplink,
                overlay,
                new MasqueradeState(Set.of(), Set.of()),
                new GuardState(Optional.empty(), Set.of(), Set.of(), Set.of(), Set.of(), uplink.name(), true));
    }

    private int run() {
        keeper.register((_, reconciliation) -> part = reconciliation);
        return part.run();
    }

    private void awaitTest() throws InterruptedException {
        mayEnd.release();
        assertThat(tested.await(10, TimeUnit.SECONDS)).isTrue();
        tested = new CountDownLatch(1);
    }

    @Test
    void hostWithoutRulesIsReadyAtOnceAndTestedLater() throws InterruptedException {
        assertThat(run()).isEqualTo(1);
        assertThat(run()).isZero();
        assertThat(kernel.acceptance("iptables")).contains(new AcceptanceState(OptionalInt.of(8472), List.of()));
        assertThat(tests).isEmpty();
        assertThat(keeper.lastTest()).isEmpty();

        now = now.plus(Duration.ofMinutes(5));
        run();
        awaitTest();
        assertThat(keeper.lastTest()).contains(now);
        assertThat(tests.getFirst())
                .extracting(target -> target.address().toString())
                .containsExactly("10.244.2.0", "192.0.2.12");

        now = now.plusSeconds(60);
        run();
        now = now.plus(Duration.ofMinutes(5));
        run();
        awaitTest();
        assertThat(tests).hasSize(2);
    }

    @Test
    void nodeThatBecomesKnownIsLookedAtSoon() {
        nodeKnown = false;
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        keeper.isConcerned();
        assertThat(keeper.isConcerned()).isFalse();

        nodeKnown = true;
        assertThat(keeper.isConcerned()).isTrue();
        run();
        assertThat(keeper.isConcerned()).isFalse();
    }

    @Test
    void rulesOfOthersAreTestedBeforeTheNodeIsReady() throws InterruptedException {
        host = WITH_RULES;
        othersReady = false;
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        assertThat(tests).isEmpty();

        othersReady = true;
        assertThat(keeper.isConcerned()).isTrue();
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        assertThat(keeper.faults()).isEmpty();
    }

    @Test
    void chainThatDropsIsNamedUntilPacketsPass() throws InterruptedException {
        host = DROPPING;
        findings = Optional.of(new Findings(Set.of(IpFamily.IPV6, IpFamily.IPV4), List.of()));
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatThrownBy(this::run)
                .isInstanceOf(NotYetException.class)
                .hasMessage("no IPv4 and IPv6 packet passes between two pods of this node: the chain 'x' drops; "
                        + "run: nft y");
        assertThat(keeper.failing()).containsExactlyInAnyOrder(IpFamily.IPV4, IpFamily.IPV6);

        now = now.plusSeconds(6);
        findings = Optional.of(new Findings(Set.of(), List.of()));
        assertThat(keeper.isConcerned()).isTrue();
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        assertThat(keeper.failing()).isEmpty();
    }

    private static FirewallSurvey obstacles(Hook... hooks) {
        return new FirewallSurvey(
                Stream.of(hooks)
                        .map(hook -> new Obstacle(hook, "the chain at " + hook + " drops", "nft " + hook, false))
                        .toList(),
                true,
                Map.of());
    }

    @Test
    void chainIsNamedOnlyForPacketsThatPassIt() throws InterruptedException {
        host = obstacles(Hook.INPUT, Hook.POSTROUTING, Hook.FORWARD);
        findings = Optional.of(new Findings(Set.of(IpFamily.IPV4), List.of()));
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatThrownBy(this::run).hasMessageContaining("the chain at FORWARD drops; run: nft FORWARD");
        assertThat(keeper.faults()).hasSize(2);
        assertThat(keeper.faults().getLast()).contains("the chain at POSTROUTING drops");

        now = now.plusSeconds(6);
        host = obstacles(Hook.INPUT);
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatThrownBy(this::run).hasMessageContaining("a rule of the host refuses it");
    }

    @Test
    void chainThatTunnelsArriveAtIsNamedWhenOneDoesNotWork() throws InterruptedException {
        host = obstacles(Hook.INPUT);
        String fault =
                "node b answers at 192.0.2.12, but not through the tunnel to 10.244.2.0/24: Ikat does not run there";
        findings = Optional.of(
                new Findings(Set.of(), List.of(new Target(PEER, PEER, Way.TUNNEL, Optional.empty(), fault))));
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        assertThat(keeper.faults()).isEmpty();

        now = now.plusSeconds(21);
        run();
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        assertThat(keeper.faults())
                .containsExactly(
                        fault,
                        "tunnels from other nodes may be refused here: the chain at INPUT drops; run: nft INPUT");
    }

    @Test
    void podsBehindARouteAreTriedAtTheAddressThatAnswersForThem() throws InterruptedException {
        way = new OverlayRoute.Direct(FAR, PEER, 2);
        host = WITH_RULES;
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThat(tests.getFirst().getFirst())
                .returns(FAR.network(), Target::address)
                .returns(PEER, Target::underlay)
                .returns(Way.ROUTE, Target::way)
                .returns(Optional.empty(), Target::spare);
        // Services send their packets on by the link on which they came.
        assertThat(kernel.acceptance("iptables")).contains(new AcceptanceState(OptionalInt.of(8472), List.of(FAR)));

        host = FirewallSurvey.NOTHING;
        now = now.plus(Duration.ofMinutes(5));
        run();
        awaitTest();
        assertThat(tests.getLast().getFirst().spare())
                .as("nothing here can be the reason")
                .contains(IpAddress.parse("10.244.2.255"));
    }

    @Test
    void chainThatForwardedPacketsPassIsNamedWherePodsBehindARouteAreNotReached() throws InterruptedException {
        host = obstacles(Hook.INPUT, Hook.FORWARD);
        findings = Optional.of(new Findings(
                Set.of(), List.of(new Target(FAR.network(), PEER, Way.ROUTE, Optional.empty(), "not at 10.244.2.0"))));
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        now = now.plusSeconds(21);
        run();
        awaitTest();
        assertThat(keeper.faults())
                .containsExactly(
                        "not at 10.244.2.0",
                        "packets between pods and other nodes may be refused here: the chain at FORWARD drops; "
                                + "run: nft FORWARD");
    }

    @Test
    void chainThatCertainlyRefusesTunnelsIsNamedBeforeOneFails() throws InterruptedException {
        host = new FirewallSurvey(
                List.of(new Obstacle(Hook.INPUT, "the chain 'in' refuses port 8472", "nft z", true)), true, Map.of());
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).as("pods of this node reach each other").doesNotThrowAnyException();
        assertThat(keeper.faults())
                .containsExactly(
                        "tunnels from other nodes are refused here: the chain 'in' refuses port 8472; run: nft z");
    }

    @Test
    void chainThatCertainlyRefusesPodsOfOtherNodesIsNamedBeforeOneFails() throws InterruptedException {
        host = new FirewallSurvey(
                List.of(new Obstacle(Hook.FORWARD, "the chain 'through' drops", "nft z", true)), true, Map.of());
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).as("pods of this node reach each other").doesNotThrowAnyException();
        assertThat(keeper.faults())
                .containsExactly("packets from pods of other nodes to pods of this node are refused here: "
                        + "the chain 'through' drops; run: nft z");
    }

    @Test
    void unknownCauseSaysWhereToLook() throws InterruptedException {
        host = WITH_RULES;
        findings = Optional.of(new Findings(Set.of(IpFamily.IPV4), List.of()));
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatThrownBy(this::run).hasMessageContaining("nft list ruleset");
    }

    @Test
    void faultsOfOtherNodesKeepNobodyUnready() throws InterruptedException {
        host = WITH_RULES;
        findings = Optional.of(new Findings(
                Set.of(),
                List.of(new Target(PEER, PEER, Way.MASQUERADE, Optional.empty(), "node b is behind a wall"))));
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        assertThat(keeper.faults()).as("found once only").isEmpty();

        now = now.plusSeconds(21);
        assertThat(keeper.isConcerned()).isTrue();
        run();
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        assertThat(keeper.faults()).containsExactly("node b is behind a wall");
    }

    @Test
    void testThatIsImpossibleKeepsNobodyUnready() throws InterruptedException {
        host = DROPPING;
        findings = Optional.empty();
        assertThatThrownBy(this::run).isInstanceOf(NotYetException.class);
        awaitTest();
        assertThatCode(this::run).doesNotThrowAnyException();
        assertThat(keeper.lastTest()).isEmpty();
    }

    @Test
    void changesOfOthersAreSeen() {
        run();
        keeper.isConcerned();
        assertThat(keeper.isConcerned()).isFalse();
        generation = 2;
        assertThat(keeper.isConcerned()).as("a change that concerns nobody").isFalse();
        generation = 3;
        host = DROPPING;
        assertThat(keeper.isConcerned()).isTrue();

        host = FirewallSurvey.NOTHING;
        legacy = true;
        now = now.plusSeconds(6);
        assertThat(keeper.isConcerned()).isTrue();
        assertThat(keeper.isConcerned()).isFalse();
    }
}
