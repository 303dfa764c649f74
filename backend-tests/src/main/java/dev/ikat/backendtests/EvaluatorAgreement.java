package dev.ikat.backendtests;

import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random programs, for which the evaluator says what may pass, and the kernel shows what does.
 * {@code -Dikat.differential.programs=N} tries more, {@code -Dikat.seed=N} repeats one failure.
 */
@RequiresRoot
@RequiresProgram("conntrack")
public abstract class EvaluatorAgreement {
    private static final int PODS = 5;
    private static final List<Integer> PORTS = List.of(80, 81);
    private static final Duration LIMIT = Duration.ofSeconds(5);
    /** What must not pass is as long on its way as what does, and gets this longer to show up. */
    private static final Duration SETTLE = Duration.ofMillis(60);

    private final List<AutoCloseable> parts = new ArrayList<>();
    private final List<TestNamespace> pods = new ArrayList<>();
    private final List<Endpoint> endpoints = new ArrayList<>();
    private final List<Probe.Target> targets = new ArrayList<>();
    private RoutedNode node;
    private PolicyBackend backend;

    /** Opens the backend in the namespace of a node. */
    protected abstract PolicyBackend open(TestNamespace node);

    /** Deletes every connection that the kernel tracks. */
    protected void forgetConnections(TestNamespace of) {
        of.exec("conntrack", "--flush");
    }

    /** The default number of programs. */
    protected int programs() {
        return 300;
    }

    @BeforeEach
    final void make() {
        node = keep(new RoutedNode());
        for (int i = 1; i <= PODS; i++) {
            Endpoint endpoint = RoutedNode.endpoint(i);
            TestNamespace pod = node.addPod(endpoint);
            keep(Probe.serve(pod, PORTS.stream().mapToInt(Integer::intValue).toArray()));
            pods.add(pod);
            endpoints.add(endpoint);
        }
        for (int from = 0; from < PODS; from++) {
            for (int to = 0; to < PODS; to++) {
                for (IpAddress address : endpoints.get(to).addresses()) {
                    if (from != to) {
                        TestNamespace client = pods.get(from);
                        PORTS.forEach(port -> targets.add(Probe.Target.tcp(client, address, port)));
                        targets.add(Probe.Target.udp(client, address, PORTS.getFirst()));
                        targets.add(Probe.Target.sctp(client, address, PORTS.getLast()));
                        targets.add(Probe.Target.icmp(client, address));
                    }
                }
            }
        }
        backend = keep(open(node.namespace()));
    }

    private <T extends AutoCloseable> T keep(T part) {
        parts.add(part);
        return part;
    }

    @AfterEach
    final void close() throws Exception {
        for (AutoCloseable part : parts.reversed()) {
            part.close();
        }
    }

    private Flow flow(Probe.Target target) {
        IpAddress to = target.to();
        IpAddress from = endpoints.get(pods.indexOf(target.from())).addresses().stream()
                .filter(address -> address.family() == to.family())
                .findFirst()
                .orElseThrow();
        return switch (target.protocol()) {
            case TCP -> Flow.of(from, to, Protocol.TCP, target.port());
            case UDP -> Flow.of(from, to, Protocol.UDP, target.port());
            case SCTP -> Flow.of(from, to, Protocol.SCTP, target.port());
            case ICMP -> Flow.ping(from, to);
        };
    }

    /** A line for each connection of which kernel and evaluator think differently. */
    private List<String> disagreements(PolicyProgram program, List<Probe.Target> tried) {
        Evaluator evaluator = new Evaluator(program);
        // An echo request like one that passed before belongs to its connection; cutting those is not the backend's.
        forgetConnections(node.namespace());
        Set<Probe.Target> expected = tried.stream()
                .filter(target -> evaluator.evaluate(flow(target)).accepted())
                .collect(Collectors.toSet());
        List<String> differences = new ArrayList<>();
        for (Probe.Outcome outcome : Probe.check(tried, expected::contains, LIMIT, SETTLE)) {
            if (outcome.reached() != expected.contains(outcome.target())) {
                differences.add(
                        (outcome.reached() ? "passes: " : "is dropped: ") + evaluator.evaluate(flow(outcome.target())));
            }
        }
        return differences;
    }

    private void agree(Generator random) {
        RandomProgram programs = new RandomProgram(random, endpoints, PORTS);
        PolicyProgram first = programs.next();
        backend.replace(first);
        PolicyProgram second = programs.next();
        backend.apply(RandomProgram.between(first, second));
        List<String> drift = backend.audit(second);
        if (!drift.isEmpty()) {
            throw new AssertionError("what was just put in force is taken for drift: " + drift.getFirst());
        }
        List<String> differences = disagreements(second, targets);
        if (!differences.isEmpty()) {
            backend.replace(second);
            boolean alsoWhole = !disagreements(second, targets).isEmpty();
            PolicyProgram small = alsoWhole ? shrunk(second) : second;
            throw new AssertionError("%d differences %s: %s%nprogram: %s"
                    .formatted(
                            differences.size(),
                            alsoWhole ? "whichever way the program came" : "only after the change",
                            differences.getFirst(),
                            small.pods()));
        }
    }

    /** Halves what there is as long as there is a difference. */
    private PolicyProgram shrunk(PolicyProgram failing) {
        PolicyProgram smallest = failing;
        boolean smaller = true;
        while (smaller) {
            smaller = false;
            for (PolicyProgram half : RandomProgram.halves(smallest)) {
                backend.replace(half);
                if (!disagreements(half, targets).isEmpty()) {
                    smallest = half;
                    smaller = true;
                    break;
                }
            }
        }
        return smallest;
    }

    @Test
    protected void kernelDoesWhatTheEvaluatorSays() {
        Seeds.forEach(Integer.getInteger("ikat.differential.programs", programs()), this::agree);
    }

    /** Seeds that failed once. */
    @ParameterizedTest
    @ValueSource(longs = {1})
    protected void kernelDoesWhatTheEvaluatorSaysOfWhatWentWrongBefore(long seed) {
        Seeds.with(seed, this::agree);
    }
}
