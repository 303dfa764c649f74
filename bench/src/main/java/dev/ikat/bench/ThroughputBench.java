package dev.ikat.bench;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.HandMadeVxlan;
import dev.ikat.testbed.cluster.ReferenceHost;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Iperf;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.function.ToLongFunction;

/** iperf3 between two pods, on one node and across two, both ends pinned, beside the plain kernel's way. */
final class ThroughputBench {
    private static final int ROUNDS = 9;
    private static final Duration LIMIT = Duration.ofSeconds(3);

    private final Terminal terminal;
    private final BenchTable table;
    private final Set<Bench.Part> parts;
    private final int seconds;
    /**
     * Platform threads: reading a program's output occupies a virtual thread's carrier, and there may be fewer of
     * those.
     */
    private final Executor lanes =
            Executors.newThreadPerTaskExecutor(Thread.ofPlatform().daemon().factory());

    ThroughputBench(Terminal terminal, BenchTable table, Set<Bench.Part> parts, int seconds) {
        this.terminal = terminal;
        this.table = table;
        this.parts = parts;
        this.seconds = seconds;
    }

    /** Two ends and what has been measured between them, in Gbit/s. */
    private record Lane(String name, TestNamespace client, TestNamespace server, IpAddress to, Samples rate) {
        static Lane of(String name, TestNamespace client, TestNamespace server, IpAddress to) {
            return new Lane(name, client, server, to, new Samples());
        }
    }

    void run() {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2).withAgentArguments("--overlay=vxlan"))) {
            ClusterPod here = cluster.node(0).addPod("here");
            ClusterPod beside = cluster.node(0).addPod("beside");
            ClusterPod across = cluster.node(1).addPod("across");
            if (parts.contains(Bench.Part.node)) {
                oneNode(here, beside);
            }
            if (parts.contains(Bench.Part.overlay)) {
                acrossNodes(cluster, here, across);
            }
        }
    }

    private void oneNode(ClusterPod here, ClusterPod beside) {
        try (TestDirectory directory = TestDirectory.create();
                ReferenceHost bridge = ReferenceHost.bridge(directory.path());
                TestNamespace one = TestNamespace.create();
                TestNamespace two = TestNamespace.create()) {
            bridge.network().add(ClusterNode.sandbox("one", one.path()));
            Json result = bridge.network().add(ClusterNode.sandbox("two", two.path()));
            IpAddress to = dev.ikat.model.InterfaceAddress.parse(
                            result.get("ips").get(0).get("address").text())
                    .address();
            Lane ikat = Lane.of(
                    "Ikat",
                    here.namespace(),
                    beside.namespace(),
                    beside.address(IpFamily.IPV4).orElseThrow());
            Lane bridged = Lane.of("bridge", one, two, to);
            measure("pod to pod on one node", List.of(ikat, bridged));
            report("pod to pod on one node, Gbit/s", ikat, "bridge", bridged);
        }
    }

    private void acrossNodes(Cluster cluster, ClusterPod here, ClusterPod across) {
        try (HandMadeVxlan byHand = new HandMadeVxlan(true);
                HandMadeVxlan bareByHand = new HandMadeVxlan(false)) {
            Lane ikat = Lane.of(
                    "Ikat",
                    here.namespace(),
                    across.namespace(),
                    across.address(IpFamily.IPV4).orElseThrow());
            Lane plain = lane("by hand", byHand);
            Lane bare = lane("without NAT", bareByHand);
            encapsulates(ikat, path -> transmitted(cluster.node(0).namespace(), "ikat-vxlan"));
            encapsulates(plain, path -> transmitted(byHand.clientNode(), HandMadeVxlan.DEVICE));
            encapsulates(bare, path -> transmitted(bareByHand.clientNode(), HandMadeVxlan.DEVICE));
            String measure = "pod to pod across nodes, VXLAN, Gbit/s";
            measure("pod to pod across two nodes", List.of(ikat, plain, bare));
            report(measure, ikat, "kernel VXLAN by hand", plain);
            table.note(
                    measure,
                    ikat.rate.show("%.1f", true),
                    "the same without NAT",
                    bare.rate.show("%.1f", true),
                    OptionalDouble.of(ikat.rate.dividedBy(bare.rate).median()));
        }
    }

    private static Lane lane(String name, HandMadeVxlan vxlan) {
        return Lane.of(name, vxlan.client(), vxlan.server(), vxlan.serverAddress());
    }

    private static long transmitted(TestNamespace node, String device) {
        return node.ipJson("-statistics", "link", "show", device)
                .get(0)
                .get("stats64")
                .get("tx")
                .get("packets")
                .number();
    }

    /** A path that does not go where it should would be a fast one. */
    private static void encapsulates(Lane path, ToLongFunction<Lane> counter) {
        long before = counter.applyAsLong(path);
        reach(path);
        if (counter.applyAsLong(path) <= before) {
            throw new CommandFailedException(path.name + ": packets do not pass the VXLAN device");
        }
    }

    private static void reach(Lane path) {
        List<Probe.Outcome> failures = Probe.failures(List.of(Probe.Target.icmp(path.client, path.to)), LIMIT);
        if (!failures.isEmpty()) {
            throw new CommandFailedException(path.name + ": " + failures);
        }
    }

    /**
     * Both ways at the same time on the same processors: so each gets the same share of them, and of whatever else the
     * machine has to do meanwhile, and the rates' ratio is that of their costs. One after the other, a shared machine's
     * ups and downs were up to ten times what was to be measured.
     */
    private void measure(String what, List<Lane> paths) {
        List<Lane> turns = new ArrayList<>(paths);
        paths.forEach(ThroughputBench::reach);
        for (int round = 0; round < ROUNDS; round++) {
            List<CompletableFuture<Double>> running = turns.stream()
                    .map(path -> CompletableFuture.supplyAsync(
                            () -> Iperf.gigabitsPerSecond(path.client, path.server, path.to, seconds), lanes))
                    .toList();
            List<String> rates = new ArrayList<>();
            for (int i = 0; i < turns.size(); i++) {
                double rate = running.get(i).join();
                turns.get(i).rate.add(rate);
                rates.add("%s %.2f".formatted(turns.get(i).name, rate));
            }
            terminal.line(terminal.faint(
                    "  %s, round %d of %d, Gbit/s: %s".formatted(what, round + 1, ROUNDS, String.join(", ", rates))));
            Collections.rotate(turns, 1);
        }
    }

    private void report(String measure, Lane ikat, String beside, Lane other) {
        table.atLeast(
                measure,
                ikat.rate.show("%.1f", true),
                beside,
                other.rate.show("%.1f", true),
                ikat.rate.dividedBy(other.rate).median(),
                1.0);
    }
}
