package dev.ikat.nftables;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.Masquerading.Outcome;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresProgram("nft")
class MasqueradeTest {
    private static final MasqueradeState STATE = new MasqueradeState(
            cidrs("10.244.1.0/24", "fd00:244:1::/64"),
            cidrs(
                    "10.244.1.0/24",
                    "10.244.2.0/24",
                    "10.244.7.0/24",
                    "10.9.9.9/32",
                    "fd00:244:1::/64",
                    "fd00:244:2::/64"));

    private TestNamespace namespace;
    private NftablesTable table;
    private Masquerade masquerade;

    @BeforeEach
    void make() {
        namespace = TestNamespace.create();
        open(false);
    }

    private void open(boolean ownership) {
        table = InNamespace.call(namespace.path(), () -> NftablesTable.open(ownership));
        masquerade = new Masquerade(table);
    }

    @AfterEach
    void close() {
        table.close();
        namespace.close();
    }

    private static Set<Cidr> cidrs(String... texts) {
        return Stream.of(texts).map(Cidr::parse).collect(Collectors.toSet());
    }

    @Test
    void firstReconcileWritesAndSecondFindsNothingToDo() {
        assertThat(masquerade.reconcile(STATE)).isEqualTo(Outcome.REPAIRED);
        assertThat(masquerade.reconcile(STATE)).isEqualTo(Outcome.UNCHANGED);
        assertThat(namespace.exec("nft", "list", "table", "inet", NftablesTable.NAME))
                .contains("ip saddr @masquerade-pods_4 ip daddr != @masquerade-cluster_4 masquerade fully-random")
                .contains("ip6 saddr @masquerade-pods_6 ip6 daddr != @masquerade-cluster_6 masquerade fully-random")
                .contains("oifname \"ikat-vxlan*\" ip saddr != @masquerade-pods_4 fib saddr type local masquerade")
                .contains("10.244.7.0/24")
                .contains("fd00:244:2::/64");
    }

    @Test
    void othersAreMasqueradedTowardsOtherNodesPodsIfThatIsWanted() {
        MasqueradeState foreign = new MasqueradeState(STATE.podCidrs(), STATE.clusterCidrs(), true);
        assertThat(masquerade.reconcile(foreign)).isEqualTo(Outcome.REPAIRED);
        assertThat(masquerade.reconcile(foreign)).isEqualTo(Outcome.UNCHANGED);
        assertThat(namespace.exec("nft", "list", "table", "inet", NftablesTable.NAME))
                .contains("ip daddr @masquerade-cluster_4 ip daddr != @masquerade-pods_4 "
                        + "ip saddr != @masquerade-cluster_4 fib saddr type != local masquerade fully-random");
        assertThat(masquerade.reconcile(STATE)).isEqualTo(Outcome.REPAIRED);
        assertThat(namespace.exec("nft", "list", "table", "inet", NftablesTable.NAME))
                .doesNotContain("fib saddr type != local");
    }

    @Test
    void restartedAgentLeavesTheSame() {
        masquerade.reconcile(STATE);
        String before = namespace.exec("nft", "list", "ruleset");
        new Masquerade(table).reconcile(STATE);
        assertThat(namespace.exec("nft", "list", "ruleset")).isEqualTo(before);
    }

    @Test
    void tableOfItsOwnOfAFormerVersionIsRemoved() {
        namespace.exec("nft", "add table inet ikat-masquerade");
        masquerade.reconcile(STATE);
        assertThat(namespace.exec("nft", "list", "tables")).isEqualToIgnoringNewLines("table inet ikat");
    }

    @Test
    void whatAnEarlierVersionNamedOtherwiseGoesInTheSameStep() {
        namespace.exec("nft", """
                add table inet ikat
                add chain inet ikat masquerading { type nat hook postrouting priority 100; }
                add set inet ikat pods_4 { type ipv4_addr; flags interval; }
                add set inet ikat endpoints_4 { type ipv4_addr; }
                add rule inet ikat masquerading ip saddr @pods_4 masquerade
                """);

        assertThat(masquerade.reconcile(STATE)).isEqualTo(Outcome.REPAIRED);

        assertThat(namespace.exec("nft", "list", "table", "inet", NftablesTable.NAME))
                .contains("chain masquerade-postrouting", "set endpoints_4")
                .doesNotContain("chain masquerading", "set pods_4");
    }

    @Test
    void protectedTableCanBeChangedByNobodyElse() {
        table.close();
        open(true);
        masquerade.reconcile(STATE);
        String before = namespace.exec("nft", "list", "ruleset");
        namespace.exec("nft", "flush ruleset");
        assertThat(namespace
                        .runner("nft", "flush chain inet ikat masquerade-postrouting")
                        .run()
                        .exitCode())
                .isNotZero();
        assertThat(namespace.exec("nft", "list", "ruleset")).isEqualTo(before);
        assertThat(masquerade.reconcile(STATE)).isEqualTo(Outcome.UNCHANGED);
        masquerade.remove();
        assertThat(namespace.exec("nft", "list", "ruleset")).isBlank();
    }

    @Test
    void changedStateIsWritten() {
        masquerade.reconcile(STATE);
        MasqueradeState changed = new MasqueradeState(STATE.podCidrs(), STATE.podCidrs());
        assertThat(masquerade.reconcile(changed)).isEqualTo(Outcome.REPAIRED);
        assertThat(namespace.exec("nft", "list", "table", "inet", NftablesTable.NAME))
                .doesNotContain("10.244.7.0/24");
    }

    @Test
    void everyDriftIsRepaired() {
        List<String> drifts = List.of(
                "flush ruleset",
                "delete table inet ikat",
                "flush chain inet ikat masquerade-postrouting",
                "add element inet ikat masquerade-cluster_4 { 10.1.0.0/16 }",
                "delete element inet ikat masquerade-pods_4 { 10.244.1.0/24 }",
                "insert rule inet ikat masquerade-postrouting return",
                "add chain inet ikat masquerade-postrouting { policy drop; }");
        for (String drift : drifts) {
            masquerade.reconcile(STATE);
            namespace.exec("nft", drift);
            assertThat(masquerade.reconcile(STATE)).as(drift).isEqualTo(Outcome.REPAIRED);
            assertThat(masquerade.reconcile(STATE)).as(drift).isEqualTo(Outcome.UNCHANGED);
        }
    }

    @Test
    void otherTablesAreLeftAlone() {
        namespace.exec("nft", "add table inet filter; add chain inet filter forward");
        masquerade.reconcile(STATE);
        masquerade.remove();
        assertThat(namespace.exec("nft", "list", "tables")).isEqualToIgnoringNewLines("table inet filter\n");
    }

    @Test
    void removingTwiceIsNoError() {
        masquerade.remove();
        masquerade.remove();
        assertThat(namespace.exec("nft", "list", "ruleset")).isBlank();
    }

    @Test
    void blockWithinAnotherIsLeftOutOfTheSet() {
        assertThat(MasqueradeState.cover(cidrs("10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "fd00::/8"), IpFamily.IPV4))
                .containsExactly(Cidr.parse("10.0.0.0/8"), Cidr.parse("11.0.0.0/8"));
    }

    @Test
    void refusedTransactionSaysWhatNftablesSaid() {
        assertThatThrownBy(() -> table.run("delete table inet absent"))
                .isInstanceOf(NftablesException.class)
                .hasMessageContaining("absent")
                .hasMessageContaining("No such file or directory");
    }
}
