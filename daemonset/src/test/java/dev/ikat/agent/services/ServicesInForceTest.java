package dev.ikat.agent.services;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.dataplane.Capability;
import dev.ikat.services.program.ServiceProgram;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ServicesInForceTest {
    private final FakeKernel kernel = new FakeKernel();
    private final FakeDataplane nftables = new FakeDataplane(kernel, "nftables");
    private final FakeDataplane iptables = new FakeDataplane(kernel, "iptables");
    private final FakeDataplane ebpf = new FakeDataplane(kernel, "ebpf").standingOn(nftables);
    private final Dataplanes dataplanes = new Dataplanes(
            Map.of(Backend.NFTABLES, nftables, Backend.IPTABLES, iptables, Backend.EBPF, ebpf), Backend.NFTABLES);
    private final ServicesInForce services = new ServicesInForce(dataplanes);

    private void choose(Backend backend) {
        dataplanes.choose(backend);
        services.reconcile(() -> ServiceProgram.EMPTY);
    }

    @Test
    void whatADataplaneStandsOnStaysWhenItComesAndWhenItGoes() {
        choose(Backend.NFTABLES);
        choose(Backend.EBPF);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("ebpf", "nftables");

        choose(Backend.NFTABLES);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("nftables");
    }

    @Test
    void whatOthersLeftGoes() {
        choose(Backend.IPTABLES);
        choose(Backend.NFTABLES);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("nftables");

        choose(Backend.EBPF);
        choose(Backend.IPTABLES);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("iptables");
    }
}
