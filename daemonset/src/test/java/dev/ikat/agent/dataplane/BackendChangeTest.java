package dev.ikat.agent.dataplane;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.TestOptions;
import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BackendChangeTest {
    private final AtomicInteger told = new AtomicInteger();

    private static AgentOptions options(String backend, String... more) {
        String[] arguments = new String[more.length + 1];
        arguments[0] = "--policy-backend=" + backend;
        System.arraycopy(more, 0, arguments, 1, more.length);
        return TestOptions.of(arguments);
    }

    /** What is to be in force by an agent of one backend that has read the options of another. */
    private Backend after(AgentOptions first, AgentOptions again) {
        Dataplanes dataplanes = dataplanes(first);
        change(first, dataplanes).reload(again);
        return dataplanes.chosen();
    }

    private BackendChange change(AgentOptions first, Dataplanes dataplanes) {
        return new BackendChange(first, dataplanes, told::incrementAndGet);
    }

    private static Dataplanes dataplanes(AgentOptions first) {
        Dataplanes dataplanes = new Dataplanes(
                Map.of(Backend.NFTABLES, new FakeDataplane(new FakeKernel(), "nftables")),
                first.policy().backend());
        return dataplanes;
    }

    @Test
    void otherBackendIsToBeInForce() {
        assertThat(after(options("nftables"), options("ebpf"))).isEqualTo(Backend.EBPF);
        assertThat(told).hasValue(1);
    }

    @Test
    void sameBackendChangesNothing() {
        assertThat(after(options("nftables"), options("nftables"))).isEqualTo(Backend.NFTABLES);
        assertThat(told).hasValue(0);
    }

    @Test
    void policyIsNeitherBegunNorEndedWhileTheAgentRuns() {
        assertThat(after(options("none"), options("nftables"))).isEqualTo(Backend.NONE);
        assertThat(after(options("nftables"), options("none"))).isEqualTo(Backend.NFTABLES);
        assertThat(told).hasValue(0);
    }

    @Test
    void otherOptionsDoNotKeepTheBackendFromChanging() {
        assertThat(after(options("nftables"), options("iptables", "--mtu=1400")))
                .isEqualTo(Backend.IPTABLES);
        assertThat(told).hasValue(1);
    }

    @Test
    void whatCouldNotBeAppliedIsKnownUntilAReloadLeavesNothingOfIt() {
        AgentOptions first = options("nftables");
        BackendChange change = change(first, dataplanes(first));
        assertThat(change.notApplied()).as("before any reload").isEmpty();

        change.reload(options("iptables", "--mtu=1400"));
        assertThat(change.notApplied())
                .containsExactly("settings other than policy-backend have changed, which needs a restart of the agent");
        change.reload(options("none"));
        assertThat(change.notApplied())
                .containsExactly("changing policy-backend from or to none needs a restart of the agent");
        change.failed(List.of("--mtu: 12 is invalid", "--vni: -1 is invalid"));
        assertThat(change.notApplied()).containsExactly("--mtu: 12 is invalid", "--vni: -1 is invalid");

        change.reload(options("iptables"));
        assertThat(change.notApplied()).isEmpty();
    }
}
