package dev.ikat.backendtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Malformed packets of every kind under random programs: none arrives that the evaluator says is dropped.
 * {@code -Dikat.fuzz.packets=N} sends more, {@code -Dikat.seed=N} repeats those of one failure.
 */
@RequiresRoot
public abstract class MalformedPackets {
    private static final int PACKETS = Integer.getInteger("ikat.fuzz.packets", 100_000);
    private static final int PROGRAMS = 20;
    private static final List<Integer> PORTS = List.of(80, 81);
    private static final List<Endpoint> ENDPOINTS =
            Stream.of(1, 2, 3).map(RoutedNode::endpoint).toList();

    private final List<TestNamespace> pods = new ArrayList<>();
    private RoutedNode node;
    private PolicyBackend backend;
    private long arrived;
    private int isolating;

    /** Opens the backend in the namespace of a node. */
    protected abstract PolicyBackend open(TestNamespace node);

    /** Deletes every connection that the kernel tracks. */
    protected abstract void forgetConnections();

    @BeforeEach
    final void make() {
        node = new RoutedNode();
        ENDPOINTS.forEach(endpoint -> pods.add(node.addPod(endpoint)));
        backend = open(node.namespace());
    }

    @AfterEach
    final void close() {
        backend.close();
        node.close();
    }

    @Test
    protected void noneArrivesThatTheEvaluatorDenies() {
        Seeds.forEach(PROGRAMS, this::send);
        assertThat(arrived).as("what arrived").isPositive();
        assertThat(isolating).as("programs that isolate either end").isPositive();
    }

    private void send(Generator random) {
        PolicyProgram program = new RandomProgram(random, ENDPOINTS, PORTS).next();
        backend.replace(program);
        forgetConnections();
        int from = random.between(0, ENDPOINTS.size() - 1);
        int to = (from + random.between(1, ENDPOINTS.size() - 1)) % ENDPOINTS.size();
        Endpoint sender = ENDPOINTS.get(from);
        Endpoint receiver = ENDPOINTS.get(to);
        boolean open = of(program, sender).egress().isOpen()
                && of(program, receiver).ingress().isOpen();
        isolating += open ? 0 : 1;
        List<Probe.Arrival> arrivals = Probe.fuzz(
                random.bits(),
                PACKETS / PROGRAMS,
                pods.get(from),
                sender.addresses(),
                pods.get(to),
                receiver.addresses(),
                random.oneOf(PORTS));
        Evaluator evaluator = new Evaluator(program);
        List<Probe.Arrival> wrong = arrivals.stream()
                .filter(arrival -> !sender.addresses().contains(arrival.source())
                        // What hides its ports may pass where nothing depends on them.
                        || !(arrival.port().isPresent()
                                ? evaluator.evaluate(flow(arrival)).accepted()
                                : open))
                .toList();
        assertThat(wrong)
                .as("what should not arrive from %s under %s", sender, program)
                .isEmpty();
        arrived += arrivals.stream().mapToLong(Probe.Arrival::count).sum();
    }

    private static PodProgram of(PolicyProgram program, Endpoint endpoint) {
        return Objects.requireNonNull(program.pods().get(endpoint.hostInterface()));
    }

    private static Flow flow(Probe.Arrival arrival) {
        return new Flow(
                arrival.source(),
                arrival.destination(),
                arrival.protocol(),
                arrival.port().orElseThrow());
    }
}
