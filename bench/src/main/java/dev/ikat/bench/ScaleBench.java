package dev.ikat.bench;

import static dev.ikat.policy.compiler.ClusterText.added;
import static dev.ikat.policy.compiler.ClusterText.anyOf;
import static dev.ikat.policy.compiler.ClusterText.egress;
import static dev.ikat.policy.compiler.ClusterText.ingress;
import static dev.ikat.policy.compiler.ClusterText.isolated;
import static dev.ikat.policy.compiler.ClusterText.namespaces;
import static dev.ikat.policy.compiler.ClusterText.on;
import static dev.ikat.policy.compiler.ClusterText.pods;
import static dev.ikat.policy.compiler.ClusterText.port;
import static dev.ikat.policy.compiler.ClusterText.removed;
import static dev.ikat.policy.compiler.ClusterText.tcp;
import static dev.ikat.policy.compiler.ClusterText.updated;
import static dev.ikat.policy.compiler.ClusterText.withLabels;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.random.Generator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * {@code ./dev bench --only policy-scale}: what compiling costs in a cluster of 1,000 nodes, 100,000 pods of two
 * addresses, 1,000 namespaces and 10,000 policies, for one node of 110 pods, on one processor and without a kernel.
 */
final class ScaleBench {
    private static final int NODES = 1_000;
    private static final int NAMESPACES = 1_000;
    private static final int PODS = 100_000;
    private static final int LOCAL = 110;
    private static final int POLICIES_PER_NAMESPACE = 10;
    private static final int APPS = 20;
    private static final int EVENTS = 5_000;
    private static final double MEBIBYTE = 1024.0 * 1024;

    private final Generator random = new Generator(1);
    private final PolicyCompiler compiler = new PolicyCompiler("node");
    private boolean allMet = true;
    private long changedSets;

    private ScaleBench() {}

    /** Exits with 0 if every aim is met, 3 if one is not. */
    public static void main(String[] arguments) {
        ScaleBench bench = new ScaleBench();
        bench.run();
        System.exit(bench.allMet ? 0 : 3);
    }

    private void run() {
        List<ClusterObject> objects = new ArrayList<>();
        List<Pod> pods = new ArrayList<>();
        for (int i = 0; i < NAMESPACES; i++) {
            objects.add(new Namespace(
                    name(i),
                    Labels.of(
                            "team",
                            "t" + i % 50,
                            "env",
                            List.of("dev", "qa", "prod").get(i % 3))));
            objects.addAll(policies(i));
        }
        for (int i = 0; i < PODS; i++) {
            pods.add(pod(i));
        }
        objects.addAll(pods);
        List<Endpoint> endpoints = new ArrayList<>();
        for (int i = 0; i < LOCAL; i++) {
            endpoints.add(endpoint(pods.get(i * (PODS / LOCAL))));
        }
        ClusterChange everything = new ClusterChange(objects, List.of(), List.of());

        System.out.printf(Locale.ROOT, "%-44s %16s   %s%n", "measure", "Ikat", "aim");
        firstCompile(everything, endpoints);
        changes();
    }

    private void firstCompile(ClusterChange everything, List<Endpoint> endpoints) {
        endpoints.forEach(compiler::add);
        compileAll(everything);
        row("heap after it, with all objects of the cluster", heapInUse() / MEBIBYTE, "MiB", 400);
        long start = System.nanoTime();
        PolicyProgram program = compiler.program();
        note("snapshot of " + program.pods().size() + " programs", (System.nanoTime() - start) / 1e6, "ms");
    }

    private void compileAll(ClusterChange everything) {
        long cpu = processorTime();
        long start = System.nanoTime();
        PolicyChange first = compiler.update(everything);
        row("first compilation, in a cold JVM", (System.nanoTime() - start) / 1e9, "s", 3);
        note("  of which the processor was its own", (processorTime() - cpu) / 1e9, "s");
        note("  its programs", first.programs().size(), "");
        note("  its sets", first.addedSets().size(), "");
        note(
                "  their members",
                first.addedSets().stream().mapToInt(set -> set.members().size()).sum(),
                "");
    }

    private void changes() {
        // Each kind takes turns with the others, as in life, and the first round only warms the JVM up.
        double[] adds = new double[EVENTS];
        double[] relabels = new double[EVENTS];
        double[] removes = new double[EVENTS];
        double[] wirings = new double[EVENTS];
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < EVENTS; i++) {
                Pod pod = pod(PODS + i);
                Pod other =
                        withLabels(pod, "app", "a" + random.between(0, APPS - 1), "tier", "r" + random.between(0, 4));
                Endpoint endpoint = endpoint(other);
                ClusterChange add = added(pod);
                ClusterChange relabel = updated(pod, other);
                ClusterChange remove = removed(other);
                adds[i] = time(() -> compiler.update(add));
                relabels[i] = time(() -> compiler.update(relabel));
                wirings[i] = time(() -> compiler.add(endpoint));
                compiler.remove(endpoint.hostInterface());
                removes[i] = time(() -> compiler.update(remove));
            }
        }
        percentiles("one pod added elsewhere", adds);
        percentiles("one pod relabelled elsewhere", relabels);
        percentiles("one pod removed elsewhere", removes);
        Arrays.sort(wirings);
        note("one pod wired here, in a namespace new to the node", wirings[EVENTS / 2], "µs");
        note("  sets that one of these changes", changedSets / (8.0 * EVENTS), "");
    }

    private double time(Supplier<PolicyChange> event) {
        long start = System.nanoTime();
        PolicyChange change = event.get();
        double microseconds = (System.nanoTime() - start) / 1e3;
        changedSets += change.changedSets().size();
        return microseconds;
    }

    private void percentiles(String measure, double[] microseconds) {
        Arrays.sort(microseconds);
        row(measure + ", median", microseconds[microseconds.length / 2], "µs", 200);
        row(measure + ", 99th percentile", microseconds[microseconds.length * 99 / 100], "µs", 2_000);
    }

    private void row(String measure, double value, String unit, double limit) {
        boolean met = value <= limit;
        allMet &= met;
        System.out.printf(
                Locale.ROOT,
                "%-48s %12.2f %-4s <= %.0f %s  %s%n",
                measure,
                value,
                unit,
                limit,
                unit,
                met ? "ok" : "NO");
    }

    private static void note(String measure, double value, String unit) {
        System.out.printf(Locale.ROOT, "%-48s %12.2f %s%n", measure, value, unit);
    }

    /** Nanoseconds that this thread has had a processor: others may want it at the same time (proc(5), schedstat). */
    private static long processorTime() {
        try {
            String times = Files.readString(Path.of("/proc/thread-self/schedstat"));
            return Long.parseLong(times.substring(0, times.indexOf(' ')));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static double heapInUse() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static String name(int namespace) {
        return "ns-" + namespace;
    }

    private Pod pod(int i) {
        int namespace = i % NAMESPACES;
        return new Pod(
                name(namespace),
                "pod-" + i,
                Labels.of(
                        "app",
                        "a" + random.between(0, APPS - 1),
                        "tier",
                        "r" + random.between(0, 4),
                        "pod-template-hash",
                        "h" + random.between(0, 9_999),
                        "statefulset.kubernetes.io/pod-name",
                        "pod-" + i),
                Optional.of("node-" + i % NODES),
                List.of(IpAddress.v4(0x0a00_0000 + i), new IpAddress(IpFamily.IPV6, 0xfd00L << 48, i)),
                false,
                Pod.Phase.RUNNING,
                List.of(new Pod.NamedPort("http", Protocol.TCP, 8_000 + i % 10)));
    }

    private static Endpoint endpoint(Pod pod) {
        return new Endpoint(
                new Attachment(new ContainerId(pod.name()), new InterfaceName("eth0")),
                new InterfaceName("ik-" + pod.name()),
                pod.ips(),
                Optional.of(pod.key()));
    }

    private List<NetworkPolicy> policies(int namespace) {
        List<NetworkPolicy> policies = new ArrayList<>();
        policies.add(isolated(name(namespace), "default-deny", LabelSelector.EVERYTHING));
        policies.add(egress(
                name(namespace),
                "dns",
                LabelSelector.EVERYTHING,
                on(anyOf(namespaces("kubernetes.io/metadata.name", "ns-0")), tcp(53))));
        for (int i = policies.size(); i < POLICIES_PER_NAMESPACE; i++) {
            LabelSelector selected = LabelSelector.of("tier", "r" + random.between(0, 4));
            SelectedPods elsewhere = new SelectedPods(
                    Optional.of(LabelSelector.of("team", "t" + random.between(0, 49))),
                    Optional.of(LabelSelector.of("app", "a" + random.between(0, APPS - 1))));
            policies.add(
                    switch (i % 4) {
                        case 0 ->
                            ingress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(
                                            anyOf(pods("app", "a" + random.between(0, APPS - 1)), elsewhere),
                                            tcp(80),
                                            tcp(443)));
                        case 1 ->
                            ingress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(anyOf(namespaces("env", "prod")), tcp(9_090)));
                        case 2 ->
                            egress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(anyOf(elsewhere, pods()), port(Protocol.TCP, new PortName("http"))));
                        default ->
                            egress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(
                                            anyOf(new IpBlock(
                                                    Cidr.parse("0.0.0.0/0"),
                                                    List.of(Cidr.parse("10.0.0.0/8"), Cidr.parse("192.168.0.0/16")))),
                                            tcp(443)));
                    });
        }
        return policies;
    }
}
