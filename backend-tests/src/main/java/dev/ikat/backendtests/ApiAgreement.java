package dev.ikat.backendtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.compiler.ApiReference;
import dev.ikat.policy.compiler.RandomCluster;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Flow;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random clusters, compiled and put in force in the kernel with the changes that happen to them. What then passes has
 * to be what the API's text allows, without an evaluator in between. {@code -Dikat.differential.clusters=N} tries more,
 * {@code -Dikat.differential.seconds=N} as many as fit into that time; {@code -Dikat.seed=N} repeats one failure.
 */
@RequiresRoot
@RequiresProgram("conntrack")
public abstract class ApiAgreement {
    /** Addresses of {@link RandomCluster}'s pods: of those on this node, and of some elsewhere. */
    private static final List<Integer> LOCAL = List.of(1, 2, 3, 4, 5);

    private static final List<Integer> REMOTE = List.of(6, 9);
    private static final Duration LIMIT = Duration.ofSeconds(5);
    /** What must not pass is as long on its way as what does, and gets this longer to show up. */
    private static final Duration SETTLE = Duration.ofMillis(60);

    private static final Optional<Long> LIMIT_SECONDS = Optional.ofNullable(Long.getLong("ikat.differential.seconds"));

    private final List<AutoCloseable> parts = new ArrayList<>();
    private final List<End> ends = new ArrayList<>();
    private RoutedNode node;
    private PolicyBackend backend;
    private int allowed;
    private int denied;

    /** Who connects: a pod's namespace, with the address of each family. */
    private record End(TestNamespace namespace, List<IpAddress> addresses, boolean local) {}

    /** A connection, and the same as a flow. */
    private record Attempt(Probe.Target target, Flow flow) {}

    /** Opens the backend in the namespace of a node. */
    protected abstract PolicyBackend open(TestNamespace node);

    /** The default number of clusters. */
    protected int clusters() {
        return 300;
    }

    @BeforeEach
    final void make() {
        node = keep(new RoutedNode());
        Stream.concat(LOCAL.stream(), REMOTE.stream()).forEach(number -> {
            Endpoint endpoint = endpoint(number, Optional.empty());
            TestNamespace namespace = node.addPod(endpoint);
            keep(Probe.serve(namespace, 80, 81, 82));
            ends.add(new End(namespace, endpoint.addresses(), LOCAL.contains(number)));
        });
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

    private static Endpoint endpoint(int number, Optional<ObjectKey> pod) {
        return new Endpoint(
                new Attachment(new ContainerId("c" + number), new InterfaceName("eth0")),
                new InterfaceName((LOCAL.contains(number) ? "ik" : "out") + number),
                List.of(IpAddress.parse("10.0.0." + number), IpAddress.parse("fd00::" + number)),
                pod);
    }

    private List<Attempt> attempts() {
        List<Attempt> attempts = new ArrayList<>();
        for (End from : ends) {
            for (End to : ends) {
                for (int family = 0; !from.equals(to) && (from.local || to.local) && family < 2; family++) {
                    attempts.addAll(attempts(from.namespace, from.addresses.get(family), to.addresses.get(family)));
                }
            }
        }
        return attempts;
    }

    private static List<Attempt> attempts(TestNamespace client, IpAddress from, IpAddress to) {
        return List.of(
                new Attempt(Probe.Target.tcp(client, to, 80), Flow.of(from, to, Protocol.TCP, 80)),
                new Attempt(Probe.Target.tcp(client, to, 82), Flow.of(from, to, Protocol.TCP, 82)),
                new Attempt(Probe.Target.udp(client, to, 81), Flow.of(from, to, Protocol.UDP, 81)),
                new Attempt(Probe.Target.sctp(client, to, 80), Flow.of(from, to, Protocol.SCTP, 80)),
                new Attempt(Probe.Target.icmp(client, to), Flow.ping(from, to)));
    }

    /** A line for each connection of which kernel and text say different things after the history. */
    private List<String> disagreements(History history, List<Endpoint> endpoints) {
        ApiReference reference = new ApiReference(history.play(backend, endpoints), endpoints);
        // What passed under the policies before belongs to its connection.
        node.namespace().exec("conntrack", "--flush");
        List<Attempt> attempts = attempts();
        Set<Probe.Target> expected = attempts.stream()
                .filter(attempt -> reference.allows(attempt.flow))
                .map(Attempt::target)
                .collect(Collectors.toSet());
        List<Probe.Outcome> outcomes =
                Probe.check(attempts.stream().map(Attempt::target).toList(), expected::contains, LIMIT, SETTLE);
        allowed += expected.size();
        denied += attempts.size() - expected.size();
        List<String> differences = new ArrayList<>();
        for (int i = 0; i < attempts.size(); i++) {
            boolean allows = expected.contains(attempts.get(i).target);
            if (outcomes.get(i).reached() != allows) {
                differences.add((allows ? "is dropped: " : "passes: ") + attempts.get(i).flow);
            }
        }
        return differences;
    }

    private void agree(Generator random) {
        RandomCluster names = new RandomCluster(random);
        List<Endpoint> endpoints = LOCAL.stream()
                .map(number -> endpoint(number, random.chance(0.1) ? Optional.empty() : Optional.of(names.podKey())))
                .toList();
        History history = History.random(random);
        List<String> differences = disagreements(history, endpoints);
        if (!differences.isEmpty()) {
            History small =
                    history.shrunk(shorter -> !disagreements(shorter, endpoints).isEmpty());
            throw new AssertionError("%d differences, the first: %s%nsmallest history that shows one: %s%nendpoints: %s"
                    .formatted(differences.size(), differences.getFirst(), small.events(), endpoints));
        }
    }

    @Test
    protected void kernelDoesWhatTheTextOfTheApiSays() {
        long start = System.nanoTime();
        int wanted = Integer.getInteger("ikat.differential.clusters", clusters());
        AtomicInteger tried = new AtomicInteger();
        Seeds.forEach(wanted, random -> {
            if (LIMIT_SECONDS.isEmpty() || System.nanoTime() - start < LIMIT_SECONDS.get() * 1_000_000_000) {
                agree(random);
                tried.incrementAndGet();
            }
        });
        System.out.printf(
                "%s: %s random clusters, %d connections allowed, %d denied, no difference, %d s%n",
                getClass().getSimpleName(), tried, allowed, denied, (System.nanoTime() - start) / 1_000_000_000);
        if (LIMIT_SECONDS.isEmpty() && System.getProperty(Seeds.PROPERTY) == null) {
            assertThat(tried).as("clusters tried").hasValue(wanted);
        }
        if (tried.get() > 10) {
            assertThat(Math.min(allowed, denied)).as("both are tried").isGreaterThan((allowed + denied) / 20);
        }
    }

    /** Seeds that failed once. */
    @ParameterizedTest
    @ValueSource(longs = {1})
    protected void kernelDoesWhatTheTextSaysOfWhatWentWrongBefore(long seed) {
        Seeds.with(seed, this::agree);
    }
}
