package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.backendtests.BackendContract;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The contract, and what is iptables' own, for one of the variants. */
@RequiresProgram("ipset")
abstract class VariantContract extends BackendContract {
    private final IptablesVariant variant;

    VariantContract(IptablesVariant variant) {
        this.variant = variant;
    }

    private static Programs programs(TestNamespace namespace) {
        return new Programs(namespace.entering(List.of()));
    }

    @Override
    protected PolicyBackend open(TestNamespace namespace) {
        // As on a host that others have filtered on.
        for (IpFamily family : IpFamily.values()) {
            iptables(family, "-A", "FORWARD", "-i", "foreign0", "-j", "DROP");
        }
        return new IptablesBackend(programs(namespace), variant, OptionalInt.of(4796));
    }

    private String iptables(IpFamily family, String... arguments) {
        List<String> command = new ArrayList<>(List.of((family == IpFamily.IPV4 ? "iptables-" : "ip6tables-")
                + variant.name().toLowerCase(Locale.ROOT)));
        command.addAll(List.of(arguments));
        return node.exec(command.toArray(String[]::new));
    }

    @Override
    protected String state(TestNamespace namespace) {
        StringBuilder state = new StringBuilder(namespace.exec("ipset", "list"));
        for (IpFamily family : IpFamily.values()) {
            state.append(namespace.exec(variant.program(family, "save"), "-t", "filter"));
        }
        return state.toString().replaceAll("\\[\\d+:\\d+]", "[]").replaceAll("(?m)^#.*\n", "");
    }

    private PolicyProgram program() {
        return ingress(
                List.of(set(2)),
                rule(Action.ACCEPT, clients(), tcp(80)),
                rule(Action.ACCEPT, block("192.0.2.0/24", "192.0.2.128/25"), tcp(81)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "iptables -F FORWARD",
                "iptables -I FORWARD -j ACCEPT",
                "iptables -F IKAT-T",
                "ip6tables -D IKAT-FORWARD 3",
                "iptables -I IKAT-T-ik00000000001 -j RETURN",
                "iptables -N IKAT-STRANGE",
                "ipset flush ikata4-sclients",
                "ipset add ikata6-sclients fd00::9"
            })
    void driftIsFoundAndRepaired(String drift) throws Exception {
        String[] words = drift.replaceFirst("tables", "tables-" + variant.name().toLowerCase(Locale.ROOT))
                .split(" ", -1);
        assertDriftIsRepaired(program(), () -> node.exec(words));
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
        assertThat(iptables(IpFamily.IPV4, "-S", "FORWARD").lines().filter(line -> line.contains("IKAT")))
                .hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-I FORWARD -j ACCEPT", "-I IKAT-FORWARD -j ACCEPT", "-I IKAT-SPOOFED -j RETURN"})
    void driftBeforeAChangeIsFoundAfterIt(String drift) {
        PolicyProgram program = program();
        backend.replace(program);
        iptables(IpFamily.IPV4, drift.split(" "));
        backend.apply(new PolicyChange(List.of(), Map.of(), List.of(open(4)), List.of(), Set.of()));
        assertThat(backend.audit(program)).isNotEmpty();
    }

    @Test
    void failureInOneFamilyChangesNothingInTheOther() {
        PolicyProgram program = program();
        backend.replace(program);
        String before = state(node);
        // Refused after the other family has its rules: somebody else refers to a chain that is to go.
        iptables(IpFamily.IPV6, "-N", "FOREIGN");
        iptables(IpFamily.IPV6, "-A", "FOREIGN", "-j", "IKAT-T-" + hostInterface(1));
        PolicyChange open = new PolicyChange(
                List.of(),
                Map.of(CLIENTS, new PolicyChange.Members(members(3), members(2))),
                List.of(open(1)),
                List.of(),
                Set.of());
        assertThatThrownBy(() -> backend.apply(open)).isInstanceOf(PolicyBackendException.class);
        PolicyProgram opened = program(List.of(set(3)), open(1), open(2), open(3));
        assertThatThrownBy(() -> backend.replace(opened)).isInstanceOf(PolicyBackendException.class);
        iptables(IpFamily.IPV6, "-F", "FOREIGN");
        iptables(IpFamily.IPV6, "-X", "FOREIGN");
        assertThat(withoutHashing(state(node))).isEqualTo(withoutHashing(before));
        assertThat(reached(stranger)).isEmpty();
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
    }

    /** Without the place that the kernel gives things by itself. */
    private static Set<String> withoutHashing(String state) {
        return state.lines()
                .filter(line -> !line.startsWith("Size in memory"))
                .collect(java.util.stream.Collectors.toSet());
    }

    @Test
    void refusedMemberLeavesThoseThatCameBeforeIt() {
        backend.replace(program());
        String before = state(node);
        PolicyChange impossible = new PolicyChange(
                List.of(),
                Map.of(CLIENTS, new PolicyChange.Members(members(3, 7), members(2, 9))),
                List.of(),
                List.of(),
                Set.of());
        assertThatThrownBy(() -> backend.apply(impossible)).isInstanceOf(PolicyBackendException.class);
        assertThat(withoutHashing(state(node))).isEqualTo(withoutHashing(before));
    }

    @Test
    void successorTakesOver() {
        PolicyProgram program = program();
        backend.replace(program);
        backend.close();
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        backend = new IptablesBackend(programs(node), variant, OptionalInt.empty());
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
    }

    @Test
    void manyPodsAreATree() {
        List<PodProgram> pods = new ArrayList<>();
        for (int i = 1; i <= 110; i++) {
            pods.add(open(i));
        }
        backend.replace(program(List.of(), pods.toArray(PodProgram[]::new)));
        assertThat(reached(friend)).isEqualTo(ALL);
        long longest = iptables(IpFamily.IPV4, "-S")
                .lines()
                .filter(line -> line.startsWith("-A IKAT-T"))
                .collect(java.util.stream.Collectors.groupingBy(
                        line -> line.split(" ", 3)[1], java.util.stream.Collectors.counting()))
                .values()
                .stream()
                .mapToLong(Long::longValue)
                .max()
                .orElseThrow();
        assertThat(longest).isLessThanOrEqualTo(18);
    }

    @Test
    void failureNamesTheLine() {
        assertThatThrownBy(() -> programs(node)
                        .run("*filter\n-A FORWARD -j NOWHERE\nCOMMIT\n", variant.program(IpFamily.IPV4, "restore")))
                .isInstanceOf(IptablesException.class)
                .hasMessageContaining("NOWHERE");
        assertThat(Set.of(IptablesVariant.detect(programs(node)))).containsExactly(variant);
    }
}
