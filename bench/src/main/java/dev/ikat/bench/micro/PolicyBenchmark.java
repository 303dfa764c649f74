package dev.ikat.bench.micro;

import dev.ikat.bench.SampleCluster;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.Verdict;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** One step of the policy compiler, and one question to the evaluator, on a node with 110 pods. */
public class PolicyBenchmark {
    private static final int LOCAL = 110;
    private static final int NAMESPACES = 100;
    private static final int PODS = 1_000;
    private static final int MORE = 10;
    /** Pods that are relabelled in turns, and flows that are asked for in turns. */
    private static final int TURNS = 512;

    /** A cluster of 1,000 pods and 1,000 policies. */
    @State(Scope.Benchmark)
    public static class Small {
        private final SampleCluster cluster;
        private final PolicyCompiler compiler;
        private final List<ClusterChange> changes = new ArrayList<>();
        private final List<Flow> flows = new ArrayList<>();
        private int turn;

        /** Makes and compiles it. */
        public Small() {
            this(1);
        }

        Small(int times) {
            cluster = new SampleCluster(100, NAMESPACES * times, PODS * times);
            compiler = compiled(cluster);
            List<ClusterChange> back = new ArrayList<>();
            List<Endpoint> local = cluster.endpoints(LOCAL);
            for (int i = 0; i < TURNS; i++) {
                Pod pod = cluster.allPods().get(i * 37 % cluster.allPods().size());
                Pod other = cluster.relabelled(pod);
                changes.add(update(pod, other));
                back.addFirst(update(other, pod));
                IpAddress to = local.get(i % LOCAL).addresses().getFirst();
                flows.add(Flow.of(pod.ips().getFirst(), to, Protocol.TCP, i % 2 == 0 ? 80 : 9_090));
            }
            changes.addAll(back);
        }

        private static ClusterChange update(Pod before, Pod after) {
            return new ClusterChange(List.of(), List.of(new ClusterChange.Update(before, after)), List.of());
        }

        private static PolicyCompiler compiled(SampleCluster cluster) {
            PolicyCompiler made = new PolicyCompiler("node");
            cluster.endpoints(LOCAL).forEach(endpoint -> made.update(List.of(new PolicyInput.Wired(endpoint))));
            made.update(cluster.everything());
            return made;
        }

        PolicyCompiler compileAll() {
            return compiled(cluster);
        }

        PolicyChange relabel() {
            return compiler.update(changes.get(turn++ % changes.size()));
        }

        Verdict evaluate() {
            return new Evaluator(compiler).evaluate(flows.get(turn++ % flows.size()));
        }
    }

    /** The same with ten times as many namespaces, pods and policies. */
    @State(Scope.Benchmark)
    public static class Large extends Small {
        /** Makes and compiles it. */
        public Large() {
            super(MORE);
        }
    }

    @Benchmark
    @Row(
            value = "policy change: a pod of 1,000 is relabelled, one step of the compiler",
            beside = "compiling all of it",
            peer = "compileAll",
            atMostTimes = 0.1)
    public PolicyChange relabel(Small cluster) {
        return cluster.relabel();
    }

    @Benchmark
    public PolicyCompiler compileAll(Small cluster) {
        return cluster.compileAll();
    }

    @Benchmark
    @Row(
            value = "policy change: the same in a cluster ten times as large",
            beside = "a pod of 1,000",
            peer = "relabel",
            atMostTimes = 2)
    public PolicyChange relabelInLarge(Large cluster) {
        return cluster.relabel();
    }

    @Benchmark
    @Row("a flow to one of 110 pods is evaluated")
    public Verdict evaluate(Small cluster) {
        return cluster.evaluate();
    }
}
