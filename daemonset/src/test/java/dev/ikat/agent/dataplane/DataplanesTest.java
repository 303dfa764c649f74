package dev.ikat.agent.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.TestOptions;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.model.IpAddress;
import dev.ikat.nftables.NftablesDataplane;
import dev.ikat.policy.program.PolicyProgram;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DataplanesTest {
    private final FakeKernel kernel = new FakeKernel();
    private final FakeDataplane nftables = new FakeDataplane(kernel, "nftables");
    private final FakeDataplane iptables = new FakeDataplane(kernel, "iptables");
    private final FakeDataplane ebpf =
            new FakeDataplane(kernel, "ebpf", EnumSet.of(Capability.POLICY)).filled(Map.of("members", 0.5));

    private Dataplanes chosen(Backend backend) {
        return new Dataplanes(
                Map.of(Backend.NFTABLES, nftables, Backend.IPTABLES, iptables, Backend.EBPF, ebpf), backend);
    }

    @Test
    void everySettingButNoneNamesADataplane() {
        try (Dataplanes real = Dataplanes.of(
                new NftablesDataplane(true, OptionalInt.empty()),
                TestOptions.of("--policy-backend=ebpf").policy(),
                Outside.LEFT,
                _ -> {},
                Path.of("/run/ikat"))) {
            assertThat(real.chosen()).isEqualTo(Backend.EBPF);
            for (Backend backend : EnumSet.complementOf(EnumSet.of(Backend.NONE))) {
                assertThat(real.get(backend).name()).isEqualToIgnoringCase(backend.name());
            }
            assertThatThrownBy(() -> real.get(Backend.NONE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("unknown dataplane NONE");
        }
    }

    @Test
    void chosenDataplaneHasWhatItCan() {
        Dataplanes dataplanes = chosen(Backend.NFTABLES);
        assertThat(dataplanes.with(Capability.GUARD)).isSameAs(nftables);
        dataplanes.choose(Backend.IPTABLES);
        assertThat(dataplanes.chosen()).isEqualTo(Backend.IPTABLES);
        assertThat(dataplanes.with(Capability.GUARD)).isSameAs(iptables);
    }

    @Test
    void whatTheChosenCannotAnotherHasThatTheHostCanUse() {
        assertThat(chosen(Backend.EBPF).with(Capability.POLICY)).isSameAs(ebpf);
        assertThat(chosen(Backend.EBPF).with(Capability.MASQUERADE)).isSameAs(nftables);
        assertThat(chosen(Backend.NONE).with(Capability.GUARD)).isSameAs(nftables);
        nftables.missing("libnftables is not installed");
        assertThat(chosen(Backend.EBPF).with(Capability.MASQUERADE)).isSameAs(iptables);
        iptables.missing("iptables is not installed");
        assertThat(chosen(Backend.EBPF).with(Capability.MASQUERADE)).isSameAs(iptables);
    }

    @Test
    void capabilityThatNobodyHasIsAnError() {
        Dataplanes dataplanes = new Dataplanes(Map.of(Backend.EBPF, ebpf), Backend.EBPF);
        assertThatThrownBy(() -> dataplanes.with(Capability.GUARD))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no dataplane has the capability GUARD");
    }

    @Test
    void whatOthersLeftOfACapabilityGoesAndTheRestStays() {
        for (FakeDataplane dataplane : Set.of(nftables, iptables)) {
            dataplane.policy().replace(PolicyProgram.EMPTY);
            dataplane.masquerading().reconcile(new MasqueradeState(Set.of(), Set.of()));
        }
        Dataplanes dataplanes = chosen(Backend.NFTABLES);
        dataplanes.removeLeft(Capability.POLICY, Optional.of(nftables));
        assertThat(kernel.kinds(Capability.POLICY)).containsExactly("nftables");
        dataplanes.removeLeft(Capability.POLICY, Optional.empty());
        assertThat(kernel.kinds(Capability.POLICY)).isEmpty();
        assertThat(kernel.kinds(Capability.MASQUERADE)).containsExactly("iptables", "nftables");
    }

    @Test
    void connectionsEndAtEveryDataplaneWhateverOneRefuses() {
        Set<IpAddress> addresses = Set.of(IpAddress.parse("10.244.1.5"));
        kernel.refuse("nftables", "the kernel refuses");
        chosen(Backend.EBPF).endConnections(addresses);
        assertThat(nftables.ended()).isEmpty();
        assertThat(iptables.ended()).containsExactly(addresses);
        assertThat(ebpf.ended()).containsExactly(addresses);
    }

    @Test
    void tablesAreThoseOfAllAndAllAreClosed() {
        Dataplanes dataplanes = chosen(Backend.EBPF);
        assertThat(dataplanes.tables()).containsExactly(Map.entry("members", 0.5));
        dataplanes.close();
        assertThat(Set.of(nftables, iptables, ebpf)).allMatch(FakeDataplane::isClosed);
    }
}
