package dev.ikat.nftables;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetfilterLog;
import dev.ikat.netlink.NetworkNamespace;
import dev.ikat.policy.NetworkPolicy.Direction;
import dev.ikat.policy.NetworkPolicy.IpBlock;
import dev.ikat.policy.ObjectKey;
import dev.ikat.policy.ObjectKind;
import dev.ikat.policy.Protocol;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyBackendException;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.RuleId;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.testbed.Probe;
import dev.ikat.testbed.RequiresProgram;
import dev.ikat.testbed.RequiresRoot;
import dev.ikat.testbed.TestNamespace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A node with three pods of which the first is the server. */
@RequiresRoot
@RequiresProgram("nft")
class NftablesBackendTest {
    private static final Duration LIMIT = Duration.ofMillis(400);
    private static final ObjectKey POLICY = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "web");
    private static final SetId CLIENTS = new SetId("sclients");
    private static final SetId PORTS = new SetId("pports");

    private final List<AutoCloseable> parts = new ArrayList<>();
    private TestNamespace node;
    private TestNamespace server;
    private TestNamespace friend;
    private TestNamespace stranger;
    private NftablesTable table;
    private NftablesBackend backend;

    @BeforeEach
    void make() {
        RoutedNode routed = keep(new RoutedNode());
        node = routed.namespace();
        server = routed.addPod(endpoint(1));
        friend = routed.addPod(endpoint(2));
        stranger = routed.addPod(endpoint(3));
        keep(Probe.serve(server, 80, 81));
        keep(Probe.serve(friend, 80));
        open(true);
    }

    private void open(boolean ownership) {
        table = keep(InNamespace.call(node.path(), () -> NftablesTable.open(ownership)));
        backend = new NftablesBackend(table, OptionalInt.of(4796));
    }

    private <T extends AutoCloseable> T keep(T part) {
        parts.add(part);
        return part;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable part : parts.reversed()) {
            part.close();
        }
    }

    private static InterfaceName hostInterface(int number) {
        return new InterfaceName("ik0000000000" + number);
    }

    private static IpAddress v4(int number) {
        return IpAddress.parse("10.244.1." + number);
    }

    private static IpAddress v6(int number) {
        return IpAddress.parse("fd00:10:244:1::" + number);
    }

    private static Endpoint endpoint(int number) {
        return new Endpoint(
                new Attachment(new ContainerId("c" + number), new InterfaceName("eth0")),
                hostInterface(number),
                List.of(v4(number), v6(number)),
                Optional.of(new ObjectKey(ObjectKind.POD, "shop", "pod-" + number)));
    }

    private static PodProgram open(int number) {
        return new PodProgram(endpoint(number), DirectionProgram.OPEN, DirectionProgram.OPEN);
    }

    private static DirectionProgram isolated(CompiledRule... rules) {
        return new DirectionProgram(
                List.of(new TierProgram(Tier.NETWORK_POLICY, List.of(rules), Action.DENY, List.of(POLICY))));
    }

    private static CompiledRule rule(Action action, List<PeerMatch> peers, PortSpan... ports) {
        return new CompiledRule(new RuleId(POLICY, Direction.INGRESS, 0), action, peers, List.of(ports));
    }

    private static PortSpan tcp(int port) {
        return new PortSpan(Protocol.TCP, port, port);
    }

    private static List<PeerMatch> clients() {
        return List.of(new PeerMatch.InSet(CLIENTS));
    }

    private static List<PeerMatch> block(String cidr, String... except) {
        return List.of(new PeerMatch.InBlock(
                new IpBlock(Cidr.parse(cidr), Stream.of(except).map(Cidr::parse).toList())));
    }

    private static AddressSet set(int... numbers) {
        return new AddressSet(CLIENTS, AddressSet.Form.ADDRESSES, "pods app=client", members(numbers));
    }

    private static Set<SetMember> members(int... numbers) {
        return java.util.Arrays.stream(numbers)
                .boxed()
                .flatMap(n ->
                        Stream.<SetMember>of(new SetMember.AddressMember(v4(n)), new SetMember.AddressMember(v6(n))))
                .collect(Collectors.toSet());
    }

    private static PolicyProgram program(List<AddressSet> sets, PodProgram... pods) {
        return new PolicyProgram(
                sets.stream().collect(Collectors.toMap(AddressSet::id, s -> s)),
                Stream.of(pods).collect(Collectors.toMap(p -> p.endpoint().hostInterface(), p -> p)));
    }

    private static PolicyProgram ingress(List<AddressSet> sets, CompiledRule... rules) {
        return program(sets, new PodProgram(endpoint(1), isolated(rules), DirectionProgram.OPEN), open(2), open(3));
    }

    /** Which of the server's ports can be reached from where, in words: {@code v4 tcp 80}. */
    private static Set<String> reached(TestNamespace from) {
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

    private static final Set<String> ALL =
            Set.of("v4 tcp 80", "v6 tcp 80", "v4 tcp 81", "v6 tcp 81", "v4 udp 80", "v6 udp 80");

    @Test
    void openPodsReachEachOther() {
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEqualTo(ALL);
    }

    @Test
    void interfaceWithoutProgramIsClosed() {
        backend.replace(program(List.of(), open(1), open(2)));
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEmpty();
        backend.replace(program(List.of(), open(2), open(3)));
        assertThat(reached(friend)).isEmpty();
    }

    @Test
    void isolationLetsPassOnlyWhatARuleMatches() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEmpty();
    }

    @Test
    void portsOfAnyPeer() {
        backend.replace(
                ingress(List.of(), rule(Action.ACCEPT, List.of(), new PortSpan(Protocol.TCP, 81, 90), tcp(85))));
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 81");
        backend.replace(ingress(List.of(), rule(Action.ACCEPT, List.of(), PortSpan.all(Protocol.UDP), tcp(81))));
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 81", "v4 udp 80", "v6 udp 80");
    }

    @Test
    void blocksHaveHoles() {
        backend.replace(ingress(
                List.of(),
                rule(Action.ACCEPT, block("10.244.0.0/16", "10.244.1.3/32")),
                rule(Action.ACCEPT, block("::/0", "fd00:10:244:1::2/128"))));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v4 tcp 81", "v4 udp 80");
        assertThat(reached(stranger)).containsExactlyInAnyOrder("v6 tcp 80", "v6 tcp 81", "v6 udp 80");
    }

    @Test
    void senderAndReceiverMustBothLetPass() {
        PodProgram friendSends = new PodProgram(
                endpoint(2), DirectionProgram.OPEN, isolated(rule(Action.ACCEPT, block("10.244.1.1/32"), tcp(80))));
        backend.replace(program(List.of(), open(1), friendSends, open(3)));
        assertThat(reached(friend)).containsExactly("v4 tcp 80");
        PodProgram closed = new PodProgram(endpoint(1), isolated(), DirectionProgram.OPEN);
        backend.replace(program(List.of(), closed, friendSends, open(3)));
        assertThat(reached(friend)).isEmpty();
    }

    @Test
    void namedPortsAreSetsOfAddressAndPort() {
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
    void tiersAreAskedInOrder() {
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
    void whatARuleDeniesIsLoggedLikeWhatNoneAllows() {
        TierProgram admin = new TierProgram(
                Tier.ADMIN, List.of(rule(Action.DENY, block("10.244.1.3/32"), tcp(80))), Action.PASS, List.of());
        try (NetworkNamespace namespace = NetworkNamespace.open(node.path());
                NetfilterLog log = NetfilterLog.open(namespace, 4796)) {
            backend.replace(program(
                    List.of(),
                    new PodProgram(endpoint(1), new DirectionProgram(List.of(admin)), DirectionProgram.OPEN),
                    open(2),
                    open(3)));
            assertThat(reached(stranger)).doesNotContain("v4 tcp 80").contains("v4 tcp 81");
            assertThat(log.poll(Duration.ofSeconds(2))).isNotEmpty().allSatisfy(packet -> {
                assertThat(packet.prefix()).isEqualTo("ikat i " + hostInterface(1));
                assertThat(packet.header().orElseThrow().destinationPort()).isEqualTo(80);
            });
        }
    }

    @Test
    void sourceThatIsNotTheEndpointsIsDropped() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        stranger.ip("addr", "add", "10.244.1.2/32", "dev", "lo");
        stranger.ip("route", "replace", "default", "via", "169.254.1.1", "dev", "eth0", "onlink", "src", "10.244.1.2");
        node.ip("route", "replace", "10.244.1.2/32", "dev", hostInterface(3).value());
        assertThat(reached(stranger)).isEmpty();
    }

    @Test
    void changesOfEveryKind() {
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
        assertThat(node.exec("nft", "list", "table", "inet", "ikat")).doesNotContain("sclients", "to-ik");
    }

    @Test
    void chainSharesNothingWithItsFormerSelf() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        PolicyProgram closed = ingress(List.of());
        backend.apply(new PolicyChange(
                List.of(),
                Map.of(),
                List.of(new PodProgram(endpoint(1), isolated(), DirectionProgram.OPEN)),
                List.of(),
                Set.of(CLIENTS)));
        assertThat(reached(friend)).isEmpty();
        String changed = withoutCounters(node.exec("nft", "list", "table", "inet", "ikat"));
        backend.replace(closed);
        assertThat(withoutCounters(node.exec("nft", "list", "table", "inet", "ikat")))
                .isEqualTo(changed);
    }

    private static String withoutCounters(String listing) {
        return listing.replaceAll("counter packets \\d+ bytes \\d+", "counter")
                .lines()
                .sorted()
                .collect(Collectors.joining("\n"));
    }

    @Test
    void refusedChangeLeavesWhatWas() {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        PolicyChange impossible = new PolicyChange(
                List.of(),
                Map.of(CLIENTS, new PolicyChange.Members(members(3), members(9))),
                List.of(),
                List.of(),
                Set.of());
        assertThatThrownBy(() -> backend.apply(impossible))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessageContaining("sclients");
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
        assertThatThrownBy(() ->
                        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(open(1)), List.of(), Set.of())))
                .hasMessageContaining("the whole program is needed first");
    }

    @Test
    void nobodyElseCanOpenAProtectedTable() {
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        node.exec("nft", "flush ruleset");
        for (String attempt : List.of(
                "delete table inet ikat",
                "flush chain inet ikat to-pods",
                "add element inet ikat sclients_4 { 10.244.1.3 }")) {
            assertThat(node.runner("nft", attempt).run().exitCode()).as(attempt).isNotZero();
        }
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
        assertThat(backend.audit(program)).isEmpty();
    }

    @Test
    void programOutlivesTheProcessAndIsAdopted() {
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        table.close();
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();

        open(true);
        assertThat(backend.audit(program)).isNotEmpty();
        backend.replace(program);
        assertThat(table.isProtected()).isTrue();
        assertThat(backend.audit(program)).isEmpty();
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "flush ruleset",
                "delete table inet ikat",
                "flush chain inet ikat to-ik00000000001",
                "delete element inet ikat sclients_4 { 10.244.1.2 }",
                "add element inet ikat sclients_6 { fd00::9 }",
                "delete element inet ikat to_4 { \"ik00000000001\" . 10.244.1.1 }",
                "insert rule inet ikat forward accept",
                "add chain inet ikat forward { policy drop; }",
                "add chain inet ikat strange",
                "flush chain inet ikat forward"
            })
    void driftOfAnUnprotectedTableIsFoundAndRepaired(String drift) {
        table.close();
        open(false);
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
        node.exec("nft", drift);
        assertThat(backend.audit(program)).isNotEmpty();
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
    }

    @Test
    void foreignTablesStayAndRemovalLeavesNothing() {
        node.exec("nft", "add table inet filter; add chain inet filter forward");
        String before = node.exec("nft", "list", "ruleset");
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        backend.remove();
        backend.remove();
        assertThat(node.exec("nft", "list", "ruleset")).isEqualTo(before);
    }

    @Test
    void masqueradingStaysWhenTheProgramIsReplacedOrRemoved() {
        MasqueradeState state = new MasqueradeState(Set.of(Cidr.parse("10.244.1.0/24")), Set.of());
        Masquerade masquerade = new Masquerade(table);
        masquerade.reconcile(state);
        backend.replace(ingress(List.of()));
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        assertThat(node.exec("nft", "list", "table", "inet", "ikat")).contains("masquerade fully-random");
        backend.remove();
        assertThat(node.exec("nft", "list", "table", "inet", "ikat")).contains("masquerade fully-random");
        masquerade.remove();
        assertThat(node.exec("nft", "list", "ruleset")).isBlank();
    }
}
