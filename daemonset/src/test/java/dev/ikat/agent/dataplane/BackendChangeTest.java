package dev.ikat.agent.dataplane;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.TestOptions;
import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
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
        Dataplanes dataplanes = new Dataplanes(
                Map.of(Backend.NFTABLES, new FakeDataplane(new FakeKernel(), "nftables")),
                first.policy().backend());
        new BackendChange(first, dataplanes, told::incrementAndGet).reload(again);
        return dataplanes.chosen();
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
}
