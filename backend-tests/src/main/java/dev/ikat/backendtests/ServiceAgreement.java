package dev.ikat.backendtests;

import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.services.program.Connection;
import dev.ikat.services.program.Connection.Origin;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.Outcome;
import dev.ikat.services.program.Outcome.Route;
import dev.ikat.services.program.Outcome.SourceSeen;
import dev.ikat.services.program.ServiceEvaluator;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.net.ConnectException;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Random programs of services, with random policies beside them: what becomes of connections in the kernel must be what
 * the evaluators say. Policies have to see the pods that connections really go to.
 */
@RequiresRoot
@RequiresProgram("conntrack")
public abstract class ServiceAgreement {
    private static final String DROPPED = "is dropped";
    private static final String REFUSED = "is refused";
    private static final String ANSWERS = " answers, which sees ";
    private static final Duration LIMIT = Duration.ofSeconds(5);
    /** What is dropped would be answered in less. */
    private static final Duration SETTLE = Duration.ofMillis(150);

    private final List<Endpoint> pods =
            IntStream.rangeClosed(1, 4).mapToObj(RoutedNode::endpoint).toList();
    private final List<Client> clients = new ArrayList<>();
    private final ExecutorService threads = Executors.newFixedThreadPool(32);
    private ServiceScene scene;
    private ServiceBackend services;
    private PolicyBackend policies;

    /** Who connects. */
    private record Client(TestNamespace from, Origin origin, int pod) {
        IpAddress address(IpFamily family) {
            return switch (origin) {
                case POD -> ServiceScene.podAddress(pod, family);
                case NODE -> ServiceScene.nodeAddress(family);
                case OUTSIDE -> ServiceScene.outsideAddress(family);
            };
        }

        String title() {
            return origin == Origin.POD ? "pod " + pod : origin.toString();
        }
    }

    /** Opens the service backend in the namespace of a node. */
    protected abstract ServiceBackend services(TestNamespace node);

    /** Opens the policy backend beside it. */
    protected abstract PolicyBackend policies(TestNamespace node);

    /** Deletes every connection that the kernel tracks. */
    protected void forgetConnections(TestNamespace of) {
        of.exec("conntrack", "--flush");
    }

    /** Whether a frontend's backends answer clients outside themselves, and so see them. */
    protected boolean answersDirectly(FrontendProgram frontend) {
        return false;
    }

    /** The default number of programs. */
    protected int programs() {
        return 300;
    }

    @BeforeEach
    final void make() {
        scene = new ServiceScene();
        // Refusals of UDP are ICMP errors, of which a host gets one a second otherwise.
        scene.host().sysctl("net.ipv4.icmp_ratelimit", "0");
        scene.host().sysctl("net.ipv6.icmp.ratelimit", "0");
        services = services(scene.host());
        policies = policies(scene.host());
        clients.add(new Client(scene.pod(ServiceScene.CLIENT), Origin.POD, ServiceScene.CLIENT));
        clients.add(
                new Client(scene.pod(ServiceScene.SERVERS.getFirst()), Origin.POD, ServiceScene.SERVERS.getFirst()));
        clients.add(new Client(scene.host(), Origin.NODE, 0));
        clients.add(new Client(scene.outside(), Origin.OUTSIDE, 0));
        // Few, so that connections are to the places of former ones, from the same ports.
        clients.forEach(client -> client.from().sysctl("net.ipv4.ip_local_port_range", "40000 41999"));
    }

    @AfterEach
    final void close() {
        threads.shutdownNow();
        policies.close();
        services.close();
        scene.close();
    }

    /** What may become of a connection: a server and whose address it sees, or that there is none. */
    private static Set<String> expected(
            Client client, Frontend frontend, ServiceEvaluator evaluator, Evaluator policies) {
        IpAddress address = client.address(frontend.address().family());
        return switch (evaluator.evaluate(new Connection(address, client.origin(), frontend))) {
            case Outcome.Rejected _ -> Set.of(REFUSED);
            case Outcome.Dropped _ -> Set.of(DROPPED);
            // There is nothing at the node's own port, and nobody outside has the other address.
            case Outcome.NotAService _ -> Set.of();
            case Outcome.Forwarded forwarded -> {
                Set<String> outcomes = new HashSet<>();
                for (Route route : forwarded.routes()) {
                    boolean hairpin = route.backend().address().equals(address);
                    Flow flow = Flow.of(
                            address,
                            route.backend().address(),
                            frontend.protocol(),
                            route.backend().port());
                    // Which address of the node policies see depends on the route.
                    boolean certain = client.origin() == Origin.POD && !hairpin;
                    boolean accepted = policies.evaluate(flow).accepted();
                    if (!certain || accepted) {
                        outcomes.add(answered(route.backend().address(), route.seen()));
                    }
                    if (!(certain && accepted) && !hairpin) {
                        outcomes.add(DROPPED);
                    }
                }
                yield outcomes;
            }
        };
    }

    private static String answered(IpAddress backend, SourceSeen seen) {
        return backend + ANSWERS + (seen == SourceSeen.CLIENT ? "the client" : "the node");
    }

    private String actual(Client client, Frontend frontend, Set<String> expected) throws IOException {
        Duration limit = expected.contains(DROPPED) ? SETTLE : LIMIT;
        try {
            Witness.Answer answer = frontend.protocol() == Protocol.TCP
                    ? Witness.ask(client.from(), frontend.address(), frontend.port(), limit)
                    : Witness.askByDatagram(client.from(), frontend.address(), frontend.port(), limit);
            IpFamily family = frontend.address().family();
            boolean own = client.origin() != Origin.NODE && answer.source().equals(client.address(family));
            return answered(
                    ServiceScene.podAddress(answer.server(), family), own ? SourceSeen.CLIENT : SourceSeen.NODE);
        } catch (ConnectException | PortUnreachableException e) {
            return REFUSED;
        } catch (SocketTimeoutException e) {
            return DROPPED;
        } catch (IOException e) {
            // EPERM: the node hears at once that its own packet went nowhere, also where it is refused.
            if (String.valueOf(e.getMessage()).contains("not permitted")) {
                return expected.contains(REFUSED) ? REFUSED : DROPPED;
            }
            throw e;
        }
    }

    private static boolean isSticky(ServiceProgram program, Frontend frontend) {
        return Optional.ofNullable(program.frontends().get(frontend))
                .flatMap(FrontendProgram::affinity)
                .isPresent();
    }

    /** A line for each connection with which something happened that must not. */
    private List<String> disagreements(ServiceProgram program, PolicyProgram policyProgram) {
        ServiceEvaluator evaluator = new ServiceEvaluator(program, this::answersDirectly);
        Evaluator policyEvaluator = new Evaluator(policyProgram);
        List<Future<List<String>>> attempts = new ArrayList<>();
        for (Client client : clients) {
            for (Frontend frontend : RandomServiceProgram.frontends()) {
                Set<String> expected = expected(client, frontend, evaluator, policyEvaluator);
                if (!expected.isEmpty()) {
                    attempts.add(threads.submit(() -> {
                        String actual;
                        try {
                            actual = actual(client, frontend, expected);
                            if (isSticky(program, frontend) && actual.contains(ANSWERS)) {
                                String again = actual(client, frontend, expected);
                                if (!again.equals(actual)) {
                                    return List.of("%s to %s: %s, but next time: %s"
                                            .formatted(client.title(), frontend, actual, again));
                                }
                            }
                        } catch (IOException e) {
                            actual = "fails with " + e;
                        }
                        return expected.contains(actual)
                                ? List.of()
                                : List.of("%s to %s: %s, but may only: %s"
                                        .formatted(client.title(), frontend, actual, expected));
                    }));
                }
            }
        }
        List<String> differences = new ArrayList<>();
        for (Future<List<String>> attempt : attempts) {
            try {
                differences.addAll(attempt.get());
            } catch (ExecutionException e) {
                differences.add(String.valueOf(e.getCause()));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }
        return differences;
    }

    private void agree(Generator random) {
        RandomServiceProgram servicePrograms = new RandomServiceProgram(random);
        ServiceProgram first = servicePrograms.next();
        ServiceProgram second = servicePrograms.next();
        PolicyProgram policyProgram =
                new RandomProgram(random, pods, List.of(ServiceScene.PORT, ServiceScene.PORT + 1)).next();
        services.replace(first);
        policies.replace(policyProgram);
        services.apply(RandomServiceProgram.between(first, second));
        List<String> drift = services.audit(second);
        if (!drift.isEmpty()) {
            throw new AssertionError("what was just put in force is taken for drift: " + drift.getFirst());
        }
        forgetConnections(scene.host());
        List<String> differences = disagreements(second, policyProgram);
        if (!differences.isEmpty()) {
            services.replace(second);
            throw new AssertionError("%d differences: %s; with the whole program: %s%nprogram: %s"
                    .formatted(
                            differences.size(),
                            differences.getFirst(),
                            disagreements(second, policyProgram),
                            second.frontends().values()));
        }
    }

    @Test
    protected void kernelDoesWithConnectionsWhatTheEvaluatorsSay() {
        Seeds.forEach(Integer.getInteger("ikat.differential.services", programs()), this::agree);
    }
}
