package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.Masquerading.Outcome;
import dev.ikat.model.Cidr;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@RequiresRoot
@RequiresProgram("ipset")
class IptablesMasqueradeTest {
    private static final MasqueradeState STATE = new MasqueradeState(
            cidrs("10.244.1.0/24", "fd00:244:1::/64"),
            cidrs("10.244.0.0/16", "10.244.1.0/24", "10.9.9.9/32", "fd00:244:1::/64", "fd00:244:2::/64"));

    private TestNamespace namespace;

    @BeforeEach
    void make() {
        namespace = TestNamespace.create();
    }

    @AfterEach
    void close() {
        namespace.close();
    }

    private static Set<Cidr> cidrs(String... texts) {
        return Stream.of(texts).map(Cidr::parse).collect(Collectors.toSet());
    }

    private IptablesMasquerade open(IptablesVariant variant) {
        return new IptablesMasquerade(new Programs(namespace.entering(List.of())), variant);
    }

    private static String word(IptablesVariant variant) {
        return variant.name().toLowerCase(Locale.ROOT);
    }

    @ParameterizedTest
    @EnumSource
    void isWrittenRepairedAndRemoved(IptablesVariant variant) {
        IptablesMasquerade masquerade = open(variant);
        namespace.exec(
                "iptables-" + word(variant), "-t", "nat", "-A", "POSTROUTING", "-s", "192.0.2.1", "-j", "ACCEPT");
        String before = namespace.exec("iptables-" + word(variant), "-t", "nat", "-S");

        assertThat(masquerade.reconcile(STATE)).isEqualTo(Outcome.REPAIRED);
        assertThat(masquerade.reconcile(STATE)).isEqualTo(Outcome.UNCHANGED);
        assertThat(namespace.exec("iptables-" + word(variant), "-t", "nat", "-S", "POSTROUTING"))
                .contains("-P POSTROUTING ACCEPT\n-A POSTROUTING -j IKAT-MASQUERADE\n");
        assertThat(namespace.exec("ipset", "save"))
                .contains("add ikatm4-cluster 10.244.0.0/16")
                .contains("add ikatm4-cluster 10.9.9.9\n")
                .contains("add ikatm6-pods fd00:244:1::/64")
                .doesNotContain("unfinished");
        for (List<String> drift : List.of(
                List.of("iptables-" + word(variant), "-t", "nat", "-F", "POSTROUTING"),
                List.of("ip6tables-" + word(variant), "-t", "nat", "-F", "IKAT-MASQUERADE"),
                List.of("ipset", "del", "ikatm4-cluster", "10.9.9.9"),
                List.of("ipset", "add", "ikatm4-cluster", "0.0.0.0/1"))) {
            namespace.exec(drift.toArray(String[]::new));
            assertThat(masquerade.reconcile(STATE)).as("%s", drift).isEqualTo(Outcome.REPAIRED);
            assertThat(masquerade.reconcile(STATE)).as("%s", drift).isEqualTo(Outcome.UNCHANGED);
        }
        MasqueradeState foreign = new MasqueradeState(STATE.podCidrs(), STATE.clusterCidrs(), true);
        assertThat(masquerade.reconcile(foreign)).isEqualTo(Outcome.REPAIRED);
        assertThat(masquerade.reconcile(foreign)).isEqualTo(Outcome.UNCHANGED);
        assertThat(namespace.exec("ip6tables-" + word(variant), "-t", "nat", "-S", "IKAT-MASQUERADE"))
                .contains("! --src-type LOCAL");
        MasqueradeState other = new MasqueradeState(STATE.podCidrs(), STATE.podCidrs());
        assertThat(open(variant).reconcile(other)).isEqualTo(Outcome.REPAIRED);
        assertThat(namespace.exec("ipset", "save")).doesNotContain("10.9.9.9");

        open(variant).remove();
        open(variant).remove();
        assertThat(namespace.exec("ipset", "save")).isBlank();
        // The first drift took the foreign rule along.
        assertThat(namespace.exec("iptables-" + word(variant), "-t", "nat", "-S"))
                .isEqualTo(before.replace("-A POSTROUTING -s 192.0.2.1/32 -j ACCEPT\n", ""));
    }
}
