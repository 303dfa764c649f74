package dev.ikat.agent.services;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.Capability;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.services.program.Target;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ServicesInForceTest {
    private static final Frontend FRONTEND = new Frontend(IpAddress.parse("10.96.0.80"), Protocol.TCP, 80);
    private static final Backend BACKEND = new Backend(IpAddress.parse("10.244.1.4"), 8080);

    private final FakeKernel kernel = new FakeKernel();
    private final FakeDataplane nftables = new FakeDataplane(kernel, "nftables");
    private final FakeDataplane iptables = new FakeDataplane(kernel, "iptables");
    private final FakeDataplane ebpf = new FakeDataplane(kernel, "ebpf").standingOn(nftables);
    private final Dataplanes dataplanes = new Dataplanes(
            Map.of(
                    PolicySettings.Backend.NFTABLES,
                    nftables,
                    PolicySettings.Backend.IPTABLES,
                    iptables,
                    PolicySettings.Backend.EBPF,
                    ebpf),
            PolicySettings.Backend.NFTABLES);
    private final ServicesInForce services = new ServicesInForce(dataplanes);

    private void choose(PolicySettings.Backend backend) {
        choose(backend, ServiceProgram.EMPTY);
    }

    private void choose(PolicySettings.Backend backend, ServiceProgram program) {
        dataplanes.choose(backend);
        services.reconcile(() -> program);
    }

    @Test
    void whatADataplaneStandsOnStaysWhenItComesAndWhenItGoes() {
        choose(PolicySettings.Backend.NFTABLES);
        choose(PolicySettings.Backend.EBPF);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("ebpf", "nftables");

        choose(PolicySettings.Backend.NFTABLES);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("nftables");
    }

    @Test
    void whatOthersLeftGoes() {
        choose(PolicySettings.Backend.IPTABLES);
        choose(PolicySettings.Backend.NFTABLES);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("nftables");

        choose(PolicySettings.Backend.EBPF);
        choose(PolicySettings.Backend.IPTABLES);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("iptables");
    }

    private static ServiceProgram sticky() {
        Target target = new Target.Balance(List.of(BACKEND));
        FrontendProgram program = new FrontendProgram(
                FRONTEND,
                new ServicePortName("default", "web", ""),
                Kind.CLUSTER_IP,
                target,
                target,
                false,
                Optional.of(Duration.ofHours(3)),
                List.of());
        return new ServiceProgram(Map.of(FRONTEND, program), Set.of(), Set.of());
    }

    private static StickyClient client(int number, Duration left) {
        return new StickyClient(IpAddress.parse("10.244.0.0").plus(number), FRONTEND, BACKEND, left);
    }

    @Test
    void clientsThatComeWhileTheSuccessorIsPutInForceAreHandedOverToo() {
        choose(PolicySettings.Backend.NFTABLES, sticky());
        StickyClient early = client(1, Duration.ofMinutes(1));
        StickyClient late = client(2, Duration.ofMinutes(3));
        StickyClient again = client(1, Duration.ofMinutes(3));
        kernel.stick("nftables", early);
        kernel.afterEachStep(() -> {
            if (kernel.steps().getLast().equals("iptables services")) {
                kernel.stick("nftables", late);
                kernel.stick("nftables", again);
            }
        });

        choose(PolicySettings.Backend.IPTABLES, sticky());

        assertThat(kernel.stickyClients("iptables")).containsExactly(early, again, late);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("iptables");
    }

    /** They are still where they were. */
    @Test
    void clientsOfWhatADataplaneStandsOnStay() {
        kernel.stick("nftables", client(1, Duration.ofMinutes(1)));

        choose(PolicySettings.Backend.EBPF, sticky());

        assertThat(kernel.stickyClients("ebpf")).isEmpty();
    }

    @Test
    void clientsOfAnEarlierAgentsDataplaneAreHandedOver() {
        StickyClient client = client(1, Duration.ofMinutes(1));
        kernel.stick("iptables", client);

        choose(PolicySettings.Backend.NFTABLES, sticky());

        assertThat(kernel.stickyClients("nftables")).containsExactly(client);
    }
}
