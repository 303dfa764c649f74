package dev.ikat.nftables;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.ikat.backendtests.BackendContract;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.Cidr;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.NetfilterLog;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresProgram("nft")
class NftablesBackendTest extends BackendContract {
    @Override
    protected PolicyBackend open(TestNamespace namespace) {
        return OwnedBackend.open(namespace, true);
    }

    private NftablesTable table() {
        return ((OwnedBackend) backend).table();
    }

    private void reopen(boolean ownership) {
        backend.close();
        backend = keep(OwnedBackend.open(node, ownership));
    }

    @Override
    protected String state(TestNamespace namespace) {
        return withoutCounters(namespace.exec("nft", "list", "ruleset"));
    }

    private static String withoutCounters(String listing) {
        return listing.replaceAll("counter packets \\d+ bytes \\d+", "counter")
                .lines()
                .sorted()
                .collect(Collectors.joining("\n"));
    }

    @Test
    void whatARuleDeniesIsLoggedLikeWhatNoneAllows() {
        TierProgram admin = new TierProgram(
                Tier.ADMIN, List.of(rule(Action.DENY, block("10.244.1.3/32"), tcp(80))), Action.PASS, List.of());
        try (NetworkNamespace namespace = NetworkNamespace.open(node.path());
                NetfilterLog log = namespace.call(() -> NetfilterLog.open(4796))) {
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
        String changed = withoutCounters(listing());
        backend.replace(closed);
        assertThat(withoutCounters(listing())).isEqualTo(changed);
    }

    @Test
    void manyRulesForPortsAreLookedUpAndDecideAsBefore() {
        List<CompiledRule> rules = new ArrayList<>();
        for (int port = 1000; port < 1100; port++) {
            rules.add(rule(Action.ACCEPT, List.of(), tcp(port)));
        }
        rules.add(50, rule(Action.ACCEPT, clients(), tcp(80)));
        rules.add(rule(Action.ACCEPT, block("10.244.1.3/32"), new PortSpan(Protocol.TCP, 81, 90)));
        PolicyProgram few = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(81)));
        PolicyProgram many = ingress(List.of(set(2)), rules.toArray(CompiledRule[]::new));
        backend.replace(few);
        backend.apply(changeOfServer(many));
        assertThat(listing()).contains("tcp . 80 : goto policy-to-ik00000000001.tcp.80");
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).containsExactly("v4 tcp 81");
        String changed = withoutCounters(listing());
        backend.replace(many);
        assertThat(withoutCounters(listing())).isEqualTo(changed);

        backend.apply(changeOfServer(few));
        assertThat(listing()).doesNotContain(".tcp.", ".rest");
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 81");
        assertThat(reached(stranger)).isEmpty();
    }

    private static PolicyChange changeOfServer(PolicyProgram to) {
        return new PolicyChange(List.of(), Map.of(), List.of(to.pods().get(hostInterface(1))), List.of(), Set.of());
    }

    private String listing() {
        return node.exec("nft", "list", "table", "inet", "ikat");
    }

    @Test
    void nobodyElseCanOpenAProtectedTable() {
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        assumeThat(table().isProtected())
                .as("this kernel's tables can't belong to a process that they outlive: Linux 6.9")
                .isTrue();
        node.exec("nft", "flush ruleset");
        for (String attempt : List.of(
                "delete table inet ikat",
                "flush chain inet ikat policy-to-pods",
                "add element inet ikat policy-sclients_4 { 10.244.1.3 }")) {
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
        boolean isProtected = table().isProtected();
        backend.close();
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();

        backend = keep(OwnedBackend.open(node, true));
        assertThat(backend.audit(program)).isNotEmpty();
        backend.replace(program);
        assertThat(table().isProtected()).isEqualTo(isProtected);
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
        Masquerade masquerade = new Masquerade(table());
        masquerade.reconcile(state);
        backend.replace(ingress(List.of()));
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients())));
        assertThat(listing()).contains("masquerade fully-random");
        backend.remove();
        assertThat(listing()).contains("masquerade fully-random");
        masquerade.remove();
        assertThat(node.exec("nft", "list", "ruleset")).isBlank();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "flush ruleset",
                "delete table inet ikat",
                "flush chain inet ikat policy-to-ik00000000001",
                "delete element inet ikat policy-sclients_4 { 10.244.1.2 }",
                "add element inet ikat policy-sclients_6 { fd00::9 }",
                "delete element inet ikat policy-to_4 { \"ik00000000001\" . 10.244.1.1 }",
                "insert rule inet ikat policy-forward accept",
                "add chain inet ikat policy-forward { policy drop; }",
                "add chain inet ikat policy-strange",
                "flush chain inet ikat policy-forward"
            })
    void driftOfAnUnprotectedTableIsFoundAndRepaired(String drift) throws Exception {
        reopen(false);
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        assertDriftIsRepaired(program, () -> node.exec("nft", drift));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
    }

    @Test
    void changeDoesNotHideWhatOthersChangedBefore() {
        reopen(false);
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        node.exec("nft", "flush chain inet ikat policy-to-ik00000000001");
        PodProgram other = new PodProgram(endpoint(3), isolated(), DirectionProgram.OPEN);

        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(other), List.of(), Set.of()));

        assertThat(backend.audit(serverOnPort(80, other)))
                .isNotEmpty()
                .allMatch(line -> line.contains("policy-to-ik00000000001 is gone"));
        PolicyProgram after = serverOnPort(81, other);
        backend.apply(changeOfServer(after));
        assertThat(backend.audit(after)).as("with the chain written anew").isEmpty();
    }

    @Test
    void chainThatOthersMadeBeforeIsEmptied() {
        reopen(false);
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        node.exec("nft", """
                add chain inet ikat policy-to-ik00000000003
                add rule inet ikat policy-to-ik00000000003 accept
                """);
        PodProgram third = new PodProgram(endpoint(3), isolated(), DirectionProgram.OPEN);

        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(third), List.of(), Set.of()));

        assertThat(backend.audit(serverOnPort(80, third))).isEmpty();
        assertThat(node.exec("nft", "list chain inet ikat policy-to-ik00000000003"))
                .doesNotContain("accept");
    }

    private static PolicyProgram serverOnPort(int port, PodProgram third) {
        return program(
                List.of(set(2)),
                new PodProgram(endpoint(1), isolated(rule(Action.ACCEPT, clients(), tcp(port))), DirectionProgram.OPEN),
                open(2),
                third);
    }

    @Test
    void whatAnEarlierVersionNamedOtherwiseGoesInTheSameStep() {
        reopen(false);
        node.exec("nft", """
                add table inet ikat
                add chain inet ikat forward { type filter hook forward priority -10; policy accept; }
                add chain inet ikat to-pods
                add chain inet ikat to-ik00000000001
                add set inet ikat sclients_4 { type ipv4_addr; }
                add map inet ikat to_4 { type ifname . ipv4_addr : verdict; }
                add element inet ikat to_4 { "ik00000000001" . 10.244.1.1 : goto to-ik00000000001 }
                add rule inet ikat forward oifname "ik*" jump to-pods
                add rule inet ikat to-pods oifname . ip daddr vmap @to_4
                add rule inet ikat to-pods drop
                add rule inet ikat to-ik00000000001 ip saddr != @sclients_4 drop
                """);
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));

        backend.replace(program);

        assertThat(backend.audit(program)).isEmpty();
        assertThat(listing().lines().map(String::strip))
                .noneMatch(line -> line.matches("(chain|set|map) (?!policy-).*"));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
    }

    @Test
    void whatHasNobodysNameStays() {
        reopen(false);
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        node.exec("nft", "add chain inet ikat strange");

        assertThat(backend.audit(program)).isEmpty();
        backend.replace(program);
        backend.remove();

        assertThat(listing()).contains("chain strange").doesNotContain("policy-");
    }
}
