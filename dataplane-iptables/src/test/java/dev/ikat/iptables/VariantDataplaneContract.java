package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.DataplaneContract;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract for one of the variants. */
@RequiresRoot
@RequiresProgram("ipset")
abstract class VariantDataplaneContract extends DataplaneContract {
    private final IptablesVariant variant;
    private final TestNamespace node = TestNamespace.create();

    @TempDir
    Path runDirectory;

    VariantDataplaneContract(IptablesVariant variant) {
        this.variant = variant;
    }

    @BeforeEach
    void open() {
        dataplane = dataplane();
    }

    /** Where nothing refuses there is nothing to accept. */
    @Override
    protected void refuseWhatNobodyAccepts() {
        for (IpFamily family : IpFamily.values()) {
            node.exec(variant.program(family, "save").replace("-save", ""), "-P", "FORWARD", "DROP");
        }
    }

    @AfterEach
    void close() {
        node.close();
    }

    final IptablesDataplane dataplane() {
        return dataplane(variant);
    }

    private IptablesDataplane dataplane(IptablesVariant one) {
        return new IptablesDataplane(
                new Programs(node.entering(List.of())), Optional.of(one), OptionalInt.of(4796), runDirectory);
    }

    final TestNamespace node() {
        return node;
    }

    /** Ikat's own chains and sets, and the rules that lead to them: empty tables come with the first look. */
    @Override
    protected String state() {
        List<String> state =
                new ArrayList<>(node.exec("ipset", "list", "-name").lines().toList());
        for (IpFamily family : IpFamily.values()) {
            node.exec(variant.program(family, "save"))
                    .lines()
                    .filter(line -> line.contains("IKAT"))
                    .map(line -> line.replaceAll("\\[\\d+:\\d+]", "[]"))
                    .forEach(state::add);
        }
        state.sort(Comparator.naturalOrder());
        return String.join("\n", state);
    }

    /** Each listing starts a program, and all of them were started before an agent was ready. */
    @Test
    void whatEarlierProcessesLeftIsLookedForWithOneListingOfEachKind() throws IOException {
        Path calls = runDirectory.resolve("calls");
        List<String> counting = new ArrayList<>(List.of(
                "sh",
                "-c",
                "echo \"$0\" >>" + calls + "; exec " + String.join(" ", node.entering(List.of())) + " \"$0\" \"$@\""));
        try (IptablesDataplane looking = new IptablesDataplane(
                new Programs(counting), Optional.of(variant), OptionalInt.empty(), runDirectory)) {
            for (Capability capability : Capability.values()) {
                looking.removeLeft(capability, false);
            }
        }
        assertThat(Files.readAllLines(calls))
                .containsExactlyInAnyOrder(
                        "iptables-legacy-save", "ip6tables-legacy-save", "iptables-nft-save", "ip6tables-nft-save");
    }

    /** Both have sets of the same names, which only go when neither has rules that refer to them. */
    @Test
    void takesOverFromTheOtherVariantWhoseRulesGoThen() {
        IptablesVariant other = variant == IptablesVariant.NFT ? IptablesVariant.LEGACY : IptablesVariant.NFT;
        try (IptablesDataplane former = dataplane(other)) {
            putInForce(former);
        }

        putInForce(dataplane);
        for (Capability capability : Capability.values()) {
            dataplane.removeLeft(capability, capability != Capability.ACCEPTANCE);
        }

        for (IpFamily family : IpFamily.values()) {
            assertThat(node.exec(other.program(family, "save"))).doesNotContain("IKAT");
        }
        try (PolicyBackend policies = dataplane.policy();
                ServiceBackend services = dataplane.services()) {
            policies.replace(PolicyProgram.EMPTY);
            services.replace(ServiceProgram.EMPTY);
            assertThat(policies.audit(PolicyProgram.EMPTY)).isEmpty();
            assertThat(services.audit(ServiceProgram.EMPTY)).isEmpty();
        }
    }

    private static void putInForce(Dataplane one) {
        Set<Cidr> blocks = Set.of(Cidr.parse("10.244.1.0/24"));
        one.masquerading().reconcile(new MasqueradeState(blocks, blocks));
        try (PolicyBackend policies = one.policy();
                ServiceBackend services = one.services()) {
            policies.replace(PolicyProgram.EMPTY);
            services.replace(new ServiceProgram(Map.of(), blocks, Set.of()));
        }
    }

    @Test
    void whatThisProcessHasPutThereSinceIsRemoved() {
        String nothing = state();
        dataplane.removeLeft(Capability.POLICY, false);
        try (PolicyBackend backend = dataplane.policy()) {
            backend.replace(PolicyProgram.EMPTY);
        }
        assertThat(state()).isNotEqualTo(nothing);
        dataplane.removeLeft(Capability.POLICY, false);
        assertThat(state()).isEqualTo(nothing);
    }
}
