package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestDirectory;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is in force of policies that can't be read whole: from the API, from a snapshot, from manifests. */
final class UnreadablePolicyTest {
    private static final String POLICIES = "/apis/networking.k8s.io/v1/networkpolicies";
    private static final ObjectKey KEY = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "front");
    private static final LabelSelector WEB = LabelSelector.of("app", "web");
    private static final String SELECTOR = "\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}";
    private static final EnumSet<Direction> BOTH = EnumSet.allOf(Direction.class);
    private static final Rule TCP_80 =
            new Rule(List.of(), List.of(new PortRule(Protocol.TCP, new PortNumbers(80, 80))));

    private final BlockingQueue<ClusterChange> changes = new LinkedBlockingQueue<>();
    private TestDirectory place;
    private ApiTestServer server;

    @BeforeEach
    void open() {
        place = TestDirectory.create();
        server = ApiTestServer.start(0);
    }

    @AfterEach
    void close() {
        server.close();
        place.close();
    }

    private KubernetesSource source(Duration outage) throws IOException {
        KubernetesSource source = KubernetesSource.open(
                ApiConnection.open(ApiAddress.parse(
                        server.kubeconfig(place.path().resolve("config")).toString())),
                ApiKinds.NETWORKING,
                place.path().resolve("state"),
                new Patience(
                        outage,
                        Duration.ofSeconds(20),
                        Duration.ofMillis(10),
                        Duration.ofMillis(10),
                        Duration.ofMillis(100),
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(1)),
                new ApiMetrics(new PrometheusRegistry(), Clock.systemUTC()));
        source.start(changes::add);
        return source;
    }

    private static String policy(String spec) {
        return "{\"metadata\":{\"name\":\"front\",\"namespace\":\"shop\"},\"spec\":" + spec + "}";
    }

    private ClusterChange next() throws InterruptedException {
        return Optional.ofNullable(changes.poll(20, TimeUnit.SECONDS)).orElseThrow();
    }

    private static NetworkPolicy inForce(ClusterSource source) {
        return Optional.ofNullable(ClusterState.of(source).policies().get(KEY)).orElseThrow();
    }

    private static NetworkPolicy policy(
            LabelSelector pods, EnumSet<Direction> types, List<Rule> ingress, List<Rule> egress) {
        return new NetworkPolicy("shop", "front", pods, types, ingress, egress);
    }

    static Stream<Arguments> unreadable() {
        EnumSet<Direction> ingress = EnumSet.of(Direction.INGRESS);
        return Stream.of(
                // The specification, the field that can't be read, and what is in force.
                Arguments.of(
                        "{" + SELECTOR
                                + ",\"ingress\":[{\"from\":[{\"podSelector\":{\"matchLabels\":{\"a\":\"b c\"}}}],"
                                + "\"ports\":[{\"port\":443}]},{\"ports\":[{\"port\":80}]}]}",
                        "spec.ingress[0].from[0].podSelector.matchLabels.a",
                        policy(WEB, ingress, List.of(Rule.NOTHING, TCP_80), List.of())),
                Arguments.of(
                        "{" + SELECTOR + ",\"ingress\":[{\"ports\":[{\"port\":80},{\"port\":70000}]}]}",
                        "spec.ingress[0].ports[1].port",
                        policy(WEB, ingress, List.of(TCP_80), List.of())),
                Arguments.of(
                        "{" + SELECTOR + ",\"ingress\":[{\"ports\":[{\"port\":70000}]}]}",
                        "spec.ingress[0].ports[0].port",
                        policy(WEB, ingress, List.of(Rule.NOTHING), List.of())),
                Arguments.of(
                        "{" + SELECTOR + ",\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10.0.0.0/8\","
                                + "\"except\":[\"10.0.0.0/8\"]}}]}]}",
                        "spec.ingress[0].from[0].ipBlock.except",
                        policy(WEB, ingress, List.of(Rule.NOTHING), List.of())),
                Arguments.of(
                        "{" + SELECTOR + ",\"ingress\":[{\"form\":[{\"podSelector\":{}}]}]}",
                        "spec.ingress[0].form",
                        policy(WEB, ingress, List.of(Rule.NOTHING), List.of())),
                Arguments.of(
                        "{" + SELECTOR + ",\"egress\":{\"to\":[]}}",
                        "spec.egress",
                        policy(WEB, BOTH, List.of(), List.of(Rule.NOTHING))),
                Arguments.of(
                        "{" + SELECTOR + ",\"policyTypes\":[\"Ingress\",\"egress\"],"
                                + "\"ingress\":[{\"ports\":[{\"port\":80}]}],\"egress\":[{}]}",
                        "spec.policyTypes[1]",
                        policy(WEB, BOTH, List.of(TCP_80), List.of())),
                Arguments.of(
                        "{" + SELECTOR + ",\"unless\":{},\"ingress\":[{}]}",
                        "spec.unless",
                        policy(WEB, BOTH, List.of(), List.of())),
                Arguments.of(
                        "{\"podSelector\":{\"matchLabels\":{\"app\":\"web\"},\"matchExpressions\":"
                                + "[{\"key\":\"a\",\"operator\":\"Is\"}]},\"ingress\":[{}]}",
                        "spec.podSelector.matchExpressions[0].operator",
                        policy(LabelSelector.EVERYTHING, BOTH, List.of(), List.of())),
                Arguments.of("\"all\"", "spec", policy(LabelSelector.EVERYTHING, BOTH, List.of(), List.of())));
    }

    @ParameterizedTest
    @MethodSource("unreadable")
    void whatCanNotBeReadAllowsNothing(String spec, String field, NetworkPolicy expected) {
        ApiObject said = new ApiObject(ApiKinds.NETWORK_POLICIES, ManifestFileTest.yaml(policy(spec)));

        NetworkPolicy part = (NetworkPolicy) said.read().object().orElseThrow();

        assertThat(part.unreadable())
                .singleElement()
                .satisfies(reason -> assertThat(reason).startsWith(field + ": "));
        assertThat(part.lacking(List.of())).isEqualTo(expected);
    }

    @Test
    void policyOfTheApiThatNeverCouldBeReadIsolatesAndTheNextVersionTakesItsPlace() throws Exception {
        server.put(POLICIES, "front", policy("{" + SELECTOR + ",\"ingress\":[{\"ports\":[{\"port\":70000}]}]}"));
        try (KubernetesSource source = source(Duration.ofSeconds(20))) {
            assertThat(next().added()).hasSize(1);
            assertThat(inForce(source).podSelector()).isEqualTo(WEB);
            assertThat(inForce(source).ingress()).containsExactly(Rule.NOTHING);
            assertThat(source.faults()).singleElement().satisfies(fault -> {
                assertThat(fault.object()).contains(KEY);
                assertThat(fault.toString())
                        .isEqualTo("NetworkPolicy shop/front: spec.ingress[0].ports[0].port: invalid "
                                + "port number 70000: it has to be 1 to 65535 (what can be "
                                + "read of it is in force: the rest allows nothing, and its pods are isolated)");
            });

            // Still not right, and more of it can be read.
            server.put(
                    POLICIES,
                    "front",
                    policy("{" + SELECTOR + ",\"ingress\":[{\"ports\":[{\"port\":70000},{\"port\":80}]}]}"));
            next();
            assertThat(inForce(source).ingress()).containsExactly(TCP_80);
            assertThat(inForce(source).complete()).isFalse();

            server.put(POLICIES, "front", policy("{" + SELECTOR + ",\"ingress\":[{\"ports\":[{\"port\":80}]}]}"));
            next();
            assertThat(inForce(source).complete()).isTrue();
            assertThat(source.faults()).isEmpty();

            // Once it was right, that stays.
            server.put(POLICIES, "front", policy("{" + SELECTOR + ",\"ingress\":\"all\"}"));
            awaitFaults(source, true);
            assertThat(source.faults().getFirst().reason()).endsWith("(its former state stays in force)");
            assertThat(inForce(source).ingress()).containsExactly(TCP_80);
            assertThat(inForce(source).complete()).isTrue();
        }
    }

    private static void awaitFaults(ClusterSource source, boolean expected) {
        Await.until(
                Duration.ofSeconds(20),
                () -> "faults: " + source.faults(),
                () -> source.faults().isEmpty() != expected);
    }

    @Test
    void snapshotKnowsWhatCouldNotBeRead() throws Exception {
        server.put(POLICIES, "front", policy("{" + SELECTOR + ",\"ingress\":[{\"ports\":[{\"port\":70000}]}]}"));
        NetworkPolicy before;
        try (KubernetesSource source = source(Duration.ofSeconds(20))) {
            next();
            before = inForce(source);
        }
        int port = server.port();
        server.close();
        try (KubernetesSource source = source(Duration.ofMillis(100))) {
            next();
            assertThat(inForce(source)).isEqualTo(before);
            assertThat(source.faults().stream().map(SourceFault::object)).contains(Optional.of(KEY));

            // What the snapshot has was never right, so it gives way.
            server = ApiTestServer.start(port);
            server.put(
                    POLICIES,
                    "front",
                    policy("{" + SELECTOR + ",\"ingress\":[{\"ports\":[{\"port\":70000},{\"port\":80}]}]}"));
            next();
            assertThat(inForce(source).ingress()).containsExactly(TCP_80);
        }
    }

    @Test
    void policyThatHasNoNameIsSaid() throws Exception {
        server.put(POLICIES, "odd", "{\"metadata\":{\"name\":[1],\"namespace\":\"shop\"},\"spec\":{}}");
        try (KubernetesSource source = source(Duration.ofSeconds(20))) {
            next();

            assertThat(source.faults())
                    .singleElement()
                    .satisfies(fault -> assertThat(fault.toString())
                            .startsWith("networkpolicies: one of them has no valid name and is ignored: "));
            server.remove(POLICIES, "odd");
            awaitFaults(source, false);
        }
    }

    @Test
    void policiesOfAFileThatNeverWasRightAreInForceAsFarAsTheyCanBeRead() throws Exception {
        Path directory = place.directory("manifests");
        String others = """
                ---
                {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
                ---
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: back, namespace: shop}
                spec: {podSelector: {}}
                """;
        String front = """
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: front, namespace: shop}
                spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: %s}]}]}
                """;
        Files.writeString(directory.resolve("a.yaml"), front.formatted("70000") + others);
        try (ManifestDirectory source = new ManifestDirectory(
                directory, ApiKinds.NETWORKING, Clock.systemUTC(), Duration.ofMillis(50), Duration.ofMillis(100))) {
            source.start(changes::add);
            next();
            assertThat(source.faults())
                    .singleElement()
                    .satisfies(fault -> assertThat(fault.object()).contains(KEY));
            assertThat(inForce(source).ingress()).containsExactly(Rule.NOTHING);
            assertThat(ClusterState.of(source).policies()).hasSize(2);
            assertThat(ClusterState.of(source).namespaces())
                    .as("what is missing of others closes")
                    .isEmpty();

            Files.writeString(directory.resolve("a.yaml"), front.formatted("80") + others);
            next();
            assertThat(inForce(source).ingress()).containsExactly(TCP_80);
            assertThat(ClusterState.of(source).namespaces()).hasSize(1);
            assertThat(source.faults()).isEmpty();

            Files.writeString(directory.resolve("a.yaml"), front.formatted("70000") + others);
            awaitFaults(source, true);
            assertThat(inForce(source).ingress())
                    .as("what it was when it was right")
                    .containsExactly(TCP_80);
        }
    }

    @Test
    void policyOfAnotherVersionOrAMistypedKindIsolatesWhatItSelects() {
        String spec = "\nmetadata: {name: front, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}},"
                + " ingress: [{}]}\n";
        for (String head : List.of(
                "apiVersion: extensions/v1beta1\nkind: NetworkPolicy",
                "apiVersion: networking.k8s.io/v1\nkind: networkpolicy")) {
            ManifestFile file = ManifestFileTest.parse(head + spec);

            assertThat(file.faults()).hasSize(1);
            NetworkPolicy closed = (NetworkPolicy)
                    Optional.ofNullable(file.policies().get(KEY)).orElseThrow().object();
            assertThat(closed.lacking(List.of())).isEqualTo(policy(WEB, BOTH, List.of(), List.of()));
            assertThat(closed.podSelector().matchLabels()).isEqualTo(Labels.of("app", "web"));
        }
    }
}
