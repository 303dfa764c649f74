package dev.ikat.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.cluster.ReferenceHost;
import dev.ikat.testbed.host.NamespacePool;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresPackage;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresPackage("containernetworking-plugins")
final class StopwatchTest {
    @Test
    void timesTheReferencePluginOneAtATimeAndAtOnce() {
        try (TestDirectory directory = TestDirectory.create();
                ReferenceHost bridge = ReferenceHost.bridge(directory.path());
                NamespacePool pool = new NamespacePool(4)) {
            for (int parallel : List.of(1, 4)) {
                List<CniNetwork.Sandbox> sandboxes = IntStream.range(0, 4)
                        .mapToObj(
                                i -> ClusterNode.sandbox("pod-" + i, pool.get(i).path()))
                        .toList();
                for (String command : List.of("ADD", "DEL")) {
                    List<Stopwatch.Timing> timings = Stopwatch.time(
                            sandboxes.stream()
                                    .map(sandbox -> Stopwatch.Job.of(
                                            bridge.namespace(), bridge.network(), command, sandbox, directory.path()))
                                    .toList(),
                            parallel);

                    assertThat(timings).hasSize(4).allMatch(timing -> timing.milliseconds() > 0.5);
                    assertThat(pool.get(3).linkNames().contains("eth0")).isEqualTo(command.equals("ADD"));
                }
            }
        }
    }

    @Test
    void aFailureSaysWhatThePluginPrinted() {
        try (TestDirectory directory = TestDirectory.create();
                ReferenceHost bridge = ReferenceHost.bridge(directory.path())) {
            CniNetwork.Sandbox nowhere =
                    CniNetwork.Sandbox.eth0("nowhere", directory.path().resolve("no-namespace"));
            Stopwatch.Job job =
                    Stopwatch.Job.of(bridge.namespace(), bridge.network(), "ADD", nowhere, directory.path());

            assertThatThrownBy(() -> Stopwatch.time(List.of(job), 1)).hasMessageContaining("no-namespace");
        }
    }

    @Test
    void quantilesAreTakenByTheNearestRank() {
        Samples samples = new Samples();
        IntStream.rangeClosed(1, 10).forEach(i -> samples.add(11 - i));

        assertThat(samples.median()).isEqualTo(5);
        assertThat(samples.quantile(0.9)).isEqualTo(9);
        assertThat(samples.show("%.0f", false)).isEqualTo("5 (9)");
    }
}
