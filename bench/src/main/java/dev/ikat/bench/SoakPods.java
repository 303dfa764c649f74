package dev.ikat.bench;

import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Pods that come and go all the time, some at once, as a runtime has them: an ADD that is refused because the agent is
 * away is followed by a DEL and tried again. Each pod is asked for the moment it has its answer, by one that its policy
 * admits and one that it does not.
 */
final class SoakPods implements AutoCloseable {
    /** The label that the policy of these pods selects. */
    static final String LABELS = "{role: churn}";

    /** CNI's code for a request that should be made again (CNI specification, "Error"). */
    private static final int TRY_AGAIN_LATER = 11;

    private static final Duration REACH_LIMIT = Duration.ofSeconds(20);
    private static final Duration SETTLE = Duration.ofMillis(50);
    private static final Duration PAUSE = Duration.ofMillis(100);
    /** Each so many pods are asked for: probing costs more than wiring. */
    private static final int PROBED = 4;

    private final List<ClusterNode> nodes;
    private final ClusterPod friend;
    private final ClusterPod stranger;
    private final Consumer<String> fault;
    private final Set<String> inUse = ConcurrentHashMap.newKeySet();
    private final AtomicLong cycles = new AtomicLong();
    private final AtomicLong probed = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final ExecutorService workers;
    private volatile boolean ending;

    /**
     * @param friend whom the policy admits
     * @param stranger whom it does not
     * @param standing the addresses of pods that stay, which nobody else may get
     * @param fault told of whatever is not as it should be
     */
    SoakPods(
            List<ClusterNode> nodes,
            int atOnce,
            ClusterPod friend,
            ClusterPod stranger,
            List<String> standing,
            Consumer<String> fault) {
        this.nodes = nodes;
        this.friend = friend;
        this.stranger = stranger;
        this.fault = fault;
        this.inUse.addAll(standing);
        this.workers = Executors.newFixedThreadPool(atOnce);
        IntStream.range(0, atOnce).forEach(i -> workers.execute(() -> comeAndGo(i)));
    }

    /** Its name in the cluster, for the manifest that says what it is. */
    static String name(int worker) {
        return "churn-" + worker;
    }

    private void comeAndGo(int worker) {
        ClusterNode node = nodes.get(worker % nodes.size());
        while (!ending) {
            try (TestNamespace namespace = TestNamespace.create()) {
                cycle(node, ClusterNode.sandbox(SoakScene.NAMESPACE, name(worker), namespace.path()), namespace);
                cycles.incrementAndGet();
            } catch (RuntimeException e) {
                fault.accept(name(worker) + ": " + e.getMessage());
                pause();
            }
        }
    }

    private void cycle(ClusterNode node, CniNetwork.Sandbox sandbox, TestNamespace namespace) {
        Json result = add(node, sandbox);
        List<String> addresses = result.get("ips").stream()
                .map(ip -> ip.get("address").text().replaceFirst("/.*", ""))
                .toList();
        addresses.stream()
                .filter(address -> !inUse.add(address))
                .forEach(address -> fault.accept(sandbox.containerId() + " got " + address + ", which is in use"));
        ClusterPod pod = new ClusterPod(sandbox.containerId(), node, namespace, sandbox, result);
        if (cycles.get() % PROBED == 0) {
            judge(pod);
        }
        // Given up before DEL: from then on somebody else may get it.
        addresses.forEach(inUse::remove);
        node.network().delete(sandbox);
    }

    private Json add(ClusterNode node, CniNetwork.Sandbox sandbox) {
        while (true) {
            try {
                return node.network().add(sandbox);
            } catch (CniFailedException e) {
                if (e.code() != TRY_AGAIN_LATER) {
                    throw e;
                }
                refused.incrementAndGet();
                node.network().delete(sandbox);
                pause();
            }
        }
    }

    private void judge(ClusterPod pod) {
        List<Probe.Target> targets = new ArrayList<>();
        pod.addresses().forEach(address -> targets.add(Probe.Target.icmp(friend.namespace(), address)));
        pod.addresses().forEach(address -> targets.add(Probe.Target.icmp(stranger.namespace(), address)));
        probed.incrementAndGet();
        Probe.check(targets, target -> target.from() == friend.namespace(), REACH_LIMIT, SETTLE).stream()
                .filter(outcome -> outcome.reached() != (outcome.target().from() == friend.namespace()))
                .forEach(outcome -> fault.accept("wrong verdict: " + outcome));
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** ADDs and DELs that are done. */
    long cycles() {
        return cycles.get();
    }

    /** Pods that were asked for. */
    long probed() {
        return probed.get();
    }

    /** ADDs that were answered with "try again later". */
    long refused() {
        return refused.get();
    }

    /** Waits until the last pod has gone. */
    void end() {
        ending = true;
        workers.shutdown();
        try {
            if (!workers.awaitTermination(2, TimeUnit.MINUTES)) {
                fault.accept("ADDs or DELs that do not come to an end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        ending = true;
        workers.shutdownNow();
    }
}
