package dev.ikat.bench;

import dev.ikat.agent.policy.PolicyKeeper;
import dev.ikat.agent.policy.PolicyListener;
import dev.ikat.agent.policy.PolicyMetrics;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.Pod;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesTable;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** {@code ./dev bench policy}, the agent's part: from what it is told until the kernel enforces it. */
final class PolicyKeeperBench {
    private static final int PEERS = 10_000;
    private static final int REPEATS = 300;

    private final BenchTable table;

    PolicyKeeperBench(BenchTable table) {
        this.table = table;
    }

    /** Adds rows to the table. */
    void run() throws InterruptedException {
        try (TestDirectory directory = TestDirectory.create();
                TestNamespace node = TestNamespace.create();
                NetworkNamespace namespace = NetworkNamespace.open(node.path());
                NftablesTable nftables = namespace.call(() -> NftablesTable.open(true));
                LeaseStore leases = LeaseStore.open(directory.directory("leases"), Clock.systemUTC())) {
            measure(leases, nftables);
        }
    }

    private void measure(LeaseStore leases, NftablesTable nftables) throws InterruptedException {
        BlockingQueue<PolicyChange> told = new LinkedBlockingQueue<>();
        PolicyListener listener = new PolicyListener() {
            @Override
            public void needed() {}

            @Override
            public void inForce(PolicyChange change) {
                if (!change.changedSets().isEmpty()) {
                    told.add(change);
                }
            }

            @Override
            public void allInForce() {}
        };
        try (PolicyKeeper keeper = new PolicyKeeper(
                        "node",
                        leases,
                        () -> new NftablesBackend(nftables, OptionalInt.of(4796)),
                        Duration.ofSeconds(1),
                        new PolicyMetrics(new PrometheusRegistry()),
                        listener)
                .start()) {
            List<ClusterObject> objects = new ArrayList<>(List.of(new Namespace("shop", Labels.NONE), policy()));
            for (int i = 0; i < PEERS; i++) {
                objects.add(peer(i, "client"));
            }
            objects.add(pod("server", "server", List.of()));
            keeper.changed(new ClusterChange(objects, List.of(), List.of()));
            Await.until(
                    Duration.ofMinutes(1),
                    () -> "it waits for " + keeper.waitsFor(),
                    () -> keeper.waitsFor().isEmpty());
            keeper.reconcile();
            keeper.enforce(lease(leases, 0, "server")).await();

            Samples member = new Samples();
            Samples added = new Samples();
            for (int i = 0; i < REPEATS; i++) {
                String before = i % 2 == 0 ? "client" : "other";
                String after = i % 2 == 0 ? "other" : "client";
                long start = System.nanoTime();
                keeper.changed(new ClusterChange(
                        List.of(), List.of(new ClusterChange.Update(peer(7, before), peer(7, after))), List.of()));
                if (told.poll(5, TimeUnit.SECONDS) == null) {
                    throw new IllegalStateException("a change has not come in force");
                }
                member.add((System.nanoTime() - start) / 1e6);

                Lease lease = lease(leases, 1, "other");
                start = System.nanoTime();
                keeper.enforce(lease).await();
                added.add((System.nanoTime() - start) / 1e6);
                keeper.release(lease);
                leases.free(lease.attachment());
            }
            table.atMost(
                    "agent: a pod is relabelled, which a set of 10,000 had, ms",
                    member.show("%.3f", false),
                    member.median(),
                    1.0,
                    "ms");
            table.note("agent: a pod that nothing isolates, ms", added.show("%.3f", false));
        }
    }

    private static Lease lease(LeaseStore leases, int number, String pod) {
        return leases.activate(leases.allocate(
                        new Attachment(new ContainerId("c" + number), new InterfaceName("eth0")),
                        new NetworkName("pods"),
                        Optional.of(new PodName(number == 0 ? "shop" : "default", pod)),
                        AddressPlan.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd00:10:244:1::/64")),
                        List.of())
                .attachment());
    }

    private static NetworkPolicy policy() {
        return new NetworkPolicy(
                "shop",
                "clients",
                LabelSelector.EVERYTHING,
                Set.of(Direction.INGRESS),
                List.of(new NetworkPolicy.Rule(
                        List.of(new NetworkPolicy.SelectedPods(Optional.empty(), Optional.of(selector("client")))),
                        List.of())),
                List.of());
    }

    private static LabelSelector selector(String app) {
        return LabelSelector.of("app", app);
    }

    private static Pod peer(int number, String app) {
        return pod("peer-" + number, app, List.of(IpAddress.v4((11 << 24) + number)));
    }

    private static Pod pod(String name, String app, List<IpAddress> addresses) {
        return new Pod(
                "shop", name, Labels.of("app", app), Optional.empty(), addresses, false, Pod.Phase.RUNNING, List.of());
    }
}
