package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.AnyPort;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KubernetesSourceTest {
    private static final String PODS = "/api/v1/pods";
    private static final String NODES = "/api/v1/nodes";
    private static final String NAMESPACES = "/api/v1/namespaces";
    private static final String POLICIES = "/apis/networking.k8s.io/v1/networkpolicies";

    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-01-02T03:04:05.500Z"), ZoneOffset.UTC);
    private static final Patience IMPATIENT = new Patience(
            Duration.ofMillis(200),
            Duration.ofSeconds(20),
            Duration.ofMillis(10),
            Duration.ofMillis(10),
            Duration.ofMillis(100),
            Duration.ofMillis(100),
            Duration.ofMillis(100),
            Duration.ofMillis(100));

    @TempDir
    private Path directory;

    private final BlockingQueue<ClusterChange> changes = new LinkedBlockingQueue<>();
    private PrometheusRegistry registry = new PrometheusRegistry();
    private ApiTestServer server = ApiTestServer.start(0);
    private KubernetesSource source;

    @BeforeEach
    void serve() throws IOException {
        server.put(NODES, "a", node("a", "10.244.1.0/24", "192.0.2.1"));
        server.put(NAMESPACES, "shop", "{\"metadata\":{\"name\":\"shop\",\"labels\":{\"team\":\"x\"}}}");
        server.put(PODS, "web", pod("web", "web", "10.244.1.2"));
        server.put(POLICIES, "deny", policy("deny", "\"podSelector\":{}"));
        source = open(Patience.DEFAULT);
    }

    private KubernetesSource open(Patience patience) throws IOException {
        registry = new PrometheusRegistry();
        return KubernetesSource.open(
                ApiConnection.open(ApiAddress.parse(
                        server.kubeconfig(directory.resolve("config")).toString())),
                ApiKinds.NETWORKING,
                directory.resolve("state"),
                patience,
                new ApiMetrics(registry, CLOCK));
    }

    private static Snapshot snapshot(Path state) {
        return new Snapshot(state, new KindSet(ApiKinds.NETWORKING));
    }

    @AfterEach
    void stop() {
        source.close();
        server.close();
    }

    private static String node(String name, String cidr, String ip) {
        return """
                {"metadata":{"name":"%s","labels":{"zone":"z"},"managedFields":[{"a":{"b":[1,2]}}]},
                 "spec":{"podCIDR":"%s","podCIDRs":["%s"],"taints":[{"key":"x"}]},
                 "status":{"addresses":[{"type":"InternalIP","address":"%s"},{"type":"Hostname","address":"%s"}],
                           "conditions":[{"type":"Ready","status":"True"}]}}
                """.formatted(name, cidr, cidr, ip, name);
    }

    private static String pod(String name, String app, String ip) {
        return """
                {"metadata":{"name":"%s","namespace":"shop","labels":{"app":"%s"},"annotations":{"n":"x"}},
                 "spec":{"nodeName":"a","containers":[{"name":"c","image":"i","env":[{"name":"E","value":"v"}],
                         "ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}]}]},
                 "status":{"phase":"Running","podIP":"%s","podIPs":[{"ip":"%s"}],"startTime":null}}
                """.formatted(name, app, ip, ip);
    }

    private static String policy(String name, String spec) {
        return "{\"metadata\":{\"name\":\"" + name + "\",\"namespace\":\"shop\"},\"spec\":{" + spec + "}}";
    }

    private ClusterChange start() throws InterruptedException {
        source.start(changes::add);
        return next();
    }

    private ClusterChange next() throws InterruptedException {
        ClusterChange change = changes.poll(10, TimeUnit.SECONDS);
        assertThat(change)
                .as("a change within 10 s; faults: %s", source.faults())
                .isNotNull();
        return change == null ? new ClusterChange(List.of(), List.of(), List.of()) : change;
    }

    private static List<String> names(List<? extends ClusterObject> objects) {
        return objects.stream().map(object -> object.key().toString()).sorted().toList();
    }

    private void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(30), () -> what + "; faults: " + source.faults(), condition);
    }

    @Test
    void firstChangeHasAllThatThereIs() throws Exception {
        ClusterChange first = start();

        assertThat(names(first.added()))
                .containsExactly("Namespace shop", "NetworkPolicy shop/deny", "Node a", "Pod shop/web");
        ClusterState state = ClusterState.of(source);
        assertThat(state.pod("shop", "web"))
                .map(pod -> pod.labels() + " " + pod.ips() + " " + pod.phase() + " " + pod.ports())
                .contains("app=web [10.244.1.2] RUNNING [NamedPort[name=http, protocol=TCP, port=8080]]");
        assertThat(source.nodes().get("a")).isEqualTo(state.node("a").orElseThrow());
        assertThat(source.nodes()).containsOnlyKeys("a");
        assertThat(source.synced()).isTrue();
        assertThat(source.faults()).isEmpty();
    }

    @Test
    void eventsAreReportedOneByOne() throws Exception {
        start();

        server.put(PODS, "db", pod("db", "db", "10.244.1.3"));
        assertThat(names(next().added())).containsExactly("Pod shop/db");
        server.put(PODS, "db", pod("db", "other", "10.244.1.3"));
        ClusterChange relabelled = next();
        assertThat(relabelled.updated()).singleElement().satisfies(update -> {
            assertThat(((Pod) update.before()).labels()).isEqualTo(Labels.of("app", "db"));
            assertThat(((Pod) update.after()).labels()).isEqualTo(Labels.of("app", "other"));
        });
        server.remove(PODS, "db");
        assertThat(names(next().removed())).containsExactly("Pod shop/db");
    }

    @Test
    void lagIsTheAgeOfTheNewestTimeThatAWatchedObjectCarries() throws Exception {
        start();
        assertThat(lags()).as("what a list says is no event").isEmpty();

        server.put(NAMESPACES, "new", """
                {"metadata":{"name":"new","creationTimestamp":"2026-01-02T03:04:03Z"}}""");
        next();
        server.put(NAMESPACES, "new", """
                {"metadata":{"name":"new","creationTimestamp":"2026-01-02T03:04:03Z","labels":{"a":"b"},"managedFields":[
                  {"manager":"x","time":"2026-01-02T03:04:05Z","fieldsV1":{"f:metadata":{"f:labels":{}}}},
                  {"manager":"y","time":"2026-01-02T03:04:04Z"},{"manager":"z"}]}}""");
        next();
        // Nothing tells when this was written, nor that.
        server.put(NAMESPACES, "new", """
                {"metadata":{"name":"new","creationTimestamp":"2026-01-02T03:04:03Z","labels":{"a":"c"}}}""");
        next();
        server.put(NAMESPACES, "odd", """
                {"metadata":{"name":"odd","creationTimestamp":"yesterday"}}""");
        next();
        server.put(NODES, "a", node("a", "10.244.1.0/24", "192.0.2.9").replace("\"a\":{", """
                "time":"2026-01-02T03:04:06Z","a":{"""));
        next();

        assertThat(lags())
                .containsExactly(Map.entry("namespaces", "2 events, 3.0 s"), Map.entry("nodes", "1 events, 0.0 s"));
    }

    /** By kind. */
    private Map<String, String> lags() {
        Map<String, String> lags = new TreeMap<>();
        registry.scrape().stream()
                .filter(HistogramSnapshot.class::isInstance)
                .flatMap(metric -> ((HistogramSnapshot) metric).getDataPoints().stream())
                .forEach(point -> lags.put(
                        String.valueOf(point.getLabels().get("kind")),
                        point.getCount() + " events, " + point.getSum() + " s"));
        return lags;
    }

    @Test
    void whatChangesNothingForTheNetworkIsNotReported() throws Exception {
        start();

        server.put(NODES, "a", node("a", "10.244.1.0/24", "192.0.2.1").replace("\"True\"", "\"False\""));
        server.put(NODES, "b", node("b", "10.244.2.0/24", "192.0.2.2"));

        assertThat(names(next().added())).containsExactly("Node b");
        assertThat(changes).isEmpty();
    }

    @Test
    void watchGoesOnWhereItEnded() throws Exception {
        start();
        server.endWatches();
        server.put(PODS, "db", pod("db", "db", "10.244.1.3"));

        assertThat(names(next().added())).containsExactly("Pod shop/db");
        assertThat(server.requests().stream()
                        .filter(request -> request.startsWith("GET " + PODS + "?resourceVersion=0")))
                .hasSize(1);
    }

    @Test
    void bookmarkMovesTheWatchOn() throws Exception {
        start();
        until("four watches", () -> watchRequests().size() == 4);
        server.put(NAMESPACES, "bank", "{\"metadata\":{\"name\":\"bank\"}}");
        next();
        server.bookmark();
        Thread.sleep(200);
        server.endWatches();

        until("watched again", () -> watchRequests().size() == 8);
        assertThat(watchRequests().subList(4, 8)).allMatch(request -> request.contains("resourceVersion=1005&"));
    }

    private List<String> watchRequests() {
        return server.requests().stream()
                .filter(request -> request.contains("watch=1"))
                .toList();
    }

    @Test
    void forgottenVersionLeadsToANewListAndItsDifference() throws Exception {
        start();
        server.remove(PODS, "web");
        next();
        server.put(POLICIES, "deny", policy("deny", "\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}"));
        next();
        server.pages(2);
        server.endWatches();
        for (int i = 0; i < 5; i++) {
            server.put(PODS, "p" + i, pod("p" + i, "web", "10.244.1." + (10 + i)));
        }
        server.forget();

        until("all pods are there", () -> ClusterState.of(source).pods().size() == 5);
        assertThat(ClusterState.of(source).pod("shop", "web")).isEmpty();
        assertThat(ClusterState.of(source).policies()).hasSize(1);
    }

    @Test
    void lastGoodStateStaysThroughAnOutage() throws Exception {
        start();
        int port = server.port();
        server.close();
        until("the outage is known", () -> source.faults().size() == 4);
        assertThat(source.synced()).isTrue();
        assertThat(ClusterState.of(source).pods()).hasSize(1);

        server = ApiTestServer.start(port);
        server.put(NODES, "a", node("a", "10.244.1.0/24", "192.0.2.1"));
        server.put(NAMESPACES, "shop", "{\"metadata\":{\"name\":\"shop\",\"labels\":{\"team\":\"x\"}}}");
        server.put(PODS, "new", pod("new", "web", "10.244.1.9"));
        server.put(POLICIES, "deny", policy("deny", "\"podSelector\":{}"));
        server.forget();

        ClusterChange after = next();
        assertThat(names(after.added())).containsExactly("Pod shop/new");
        assertThat(names(after.removed())).containsExactly("Pod shop/web");
        until("no faults", () -> source.faults().isEmpty());
        assertThat(changes).isEmpty();
    }

    @Test
    void objectThatCanNotBeRightLeavesTheLastGoodOne() throws Exception {
        start();
        server.put(POLICIES, "deny", policy("deny", "\"podSelector\":{\"matchLabel\":{}}"));
        until("the fault is known", () -> source.faults().size() == 1);

        assertThat(source.faults().getFirst().toString())
                .startsWith("NetworkPolicy shop/deny: spec.podSelector.matchLabel: is an unknown field");
        assertThat(ClusterState.of(source).policies())
                .containsKey(new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "deny"));
        assertThat(changes).isEmpty();

        server.put(POLICIES, "deny", policy("deny", "\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}}"));
        assertThat(next().updated()).hasSize(1);
        assertThat(source.faults()).isEmpty();
    }

    @Test
    void nothingIsReportedBeforeEveryKindIsListed() throws Exception {
        server.demand("secret");
        source.start(changes::add);
        until("refusals are known", () -> source.faults().size() == 4);
        assertThat(source.faults().getFirst().reason()).contains("401").contains("Unauthorized");

        assertThat(source.synced()).isFalse();
        assertThat(ClusterState.of(source)).isEqualTo(ClusterState.EMPTY);
        assertThat(changes).isEmpty();
    }

    @Test
    void withoutApiItStartsFromWhatAnEarlierRunKept() throws Exception {
        start();
        server.put(PODS, "db", pod("db", "db", "10.244.1.3"));
        ClusterState before = after(next());
        int port = server.port();
        source.close();
        server.close();
        source = open(IMPATIENT);
        ClusterChange first = start();

        assertThat(ClusterState.of(source)).isEqualTo(before);
        assertThat(names(first.added())).contains("Pod shop/db").hasSize(5);
        assertThat(source.degraded())
                .hasValueSatisfying(reason -> assertThat(reason)
                        .contains("as of " + Instant.now().toString().substring(0, 10)));
        assertThat(source.synced()).isTrue();

        server = ApiTestServer.start(port);
        server.put(NODES, "a", node("a", "10.244.1.0/24", "192.0.2.1"));
        server.put(NAMESPACES, "shop", "{\"metadata\":{\"name\":\"shop\",\"labels\":{\"team\":\"x\"}}}");
        server.put(PODS, "web", pod("web", "web", "10.244.1.2"));
        server.put(POLICIES, "deny", policy("deny", "\"podSelector\":{}"));
        assertThat(names(next().removed())).containsExactly("Pod shop/db");
        until("the API has said everything", () -> source.degraded().isEmpty());
    }

    private ClusterState after(ClusterChange change) {
        assertThat(change.isEmpty()).isFalse();
        return ClusterState.of(source);
    }

    @Test
    void withApiWhatAnEarlierRunKeptIsNotAskedFor() throws Exception {
        start();
        source.close();
        server.remove(PODS, "web");
        source = open(new Patience(
                Duration.ofSeconds(20),
                Duration.ofSeconds(20),
                Duration.ofSeconds(20),
                Duration.ofSeconds(20),
                Duration.ofSeconds(1),
                Duration.ofSeconds(20),
                Duration.ofSeconds(20),
                Duration.ofSeconds(20)));

        assertThat(names(start().added())).doesNotContain("Pod shop/web").hasSize(3);
        assertThat(source.degraded()).isEmpty();
    }

    @Test
    void brokenSnapshotIsNone() throws Exception {
        Files.writeString(Files.createDirectories(directory.resolve("state")).resolve(Snapshot.FILE), "no gzip");
        server.close();
        source = open(IMPATIENT);
        source.start(changes::add);

        until("the outage is known", () -> source.faults().size() == 4);
        assertThat(changes.poll(500, TimeUnit.MILLISECONDS)).isNull();
        assertThat(source.synced()).isFalse();
    }

    @Test
    void stateIsKeptForNobodyElseToReadAndSoonAfterAChange() throws Exception {
        source = open(IMPATIENT);
        start();
        Path file = directory.resolve("state").resolve(Snapshot.FILE);
        until("there is a snapshot", () -> Files.exists(file));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        server.put(NAMESPACES, "bank", "{\"metadata\":{\"name\":\"bank\"}}");
        next();
        until(
                "it has the new namespace",
                () -> snapshot(directory.resolve("state")).read().orElseThrow().objects().stream()
                        .anyMatch(object -> object.key().name().equals("bank")));

        source.close();
        assertThat(KubernetesSource.forget(directory.resolve("state"))).isTrue();
        assertThat(directory.resolve("state")).doesNotExist();
        assertThat(KubernetesSource.forget(directory.resolve("state"))).isFalse();
    }

    @Test
    void snapshotThatCouldNotBeWrittenIsTriedAgainAndNamed() throws Exception {
        source.close();
        source = open(IMPATIENT);
        Path state = Files.writeString(directory.resolve("state"), "in the way");

        source.start(changes::add);

        until(
                "the fault is named",
                () -> source.faults().stream()
                        .map(SourceFault::toString)
                        .anyMatch(fault ->
                                fault.contains(state.resolve(Snapshot.FILE).toString())
                                        && fault.contains("is not a directory")));
        assertThat(registry.scrape(name -> name.equals("ikat_snapshot_errors")).stream())
                .isNotEmpty();
        // Nothing changes in the cluster any more.
        Files.delete(state);
        until("there is a snapshot", () -> Files.exists(state.resolve(Snapshot.FILE)));
        until("the fault is over", () -> source.faults().isEmpty());
    }

    @Test
    void linkInTheSnapshotsPlaceIsNotFollowed() throws Exception {
        Path state = Files.createDirectory(directory.resolve("own"));
        Path victim = Files.writeString(directory.resolve("victim"), "as it was");
        Files.createSymbolicLink(state.resolve("." + Snapshot.FILE + ".new"), victim);
        Files.createSymbolicLink(state.resolve(Snapshot.FILE), victim);

        assertThat(snapshot(state).read()).isEmpty();
        snapshot(state).write(List.of());

        assertThat(victim).hasContent("as it was");
        assertThat(Files.isSymbolicLink(state.resolve(Snapshot.FILE))).isFalse();
    }

    @Test
    void snapshotHasEverythingThatObjectsSay() throws Exception {
        List<ClusterObject> objects = List.of(
                new Node(
                        "a",
                        Labels.of("zone", "z"),
                        List.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd55::/64")),
                        List.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("2001:db8::1")),
                        Optional.of(Instant.parse("2026-01-02T03:04:05Z"))),
                new Node("b", Labels.NONE, List.of(), List.of()),
                new Namespace("shop", Labels.of("team", "x", "empty", "")),
                new Pod(
                        "shop",
                        "web",
                        Labels.of("app", "web"),
                        Optional.of("a"),
                        List.of(IpAddress.parse("10.244.1.2"), IpAddress.parse("fd55::2")),
                        false,
                        Pod.Phase.RUNNING,
                        List.of(
                                new Pod.NamedPort("http", Protocol.TCP, 8080),
                                new Pod.NamedPort("dns", Protocol.UDP, 53))),
                new Pod("shop", "job", Labels.NONE, Optional.empty(), List.of(), true, Pod.Phase.SUCCEEDED, List.of()),
                new NetworkPolicy(
                        "shop",
                        "deny",
                        LabelSelector.EVERYTHING,
                        EnumSet.of(Direction.INGRESS, Direction.EGRESS),
                        List.of(),
                        List.of()),
                new NetworkPolicy(
                        "shop",
                        "allow",
                        new LabelSelector(
                                Labels.of("app", "web"),
                                List.of(
                                        new Requirement("a", Operator.IN, Set.of("x", "y")),
                                        new Requirement("b", Operator.NOT_IN, Set.of("1")),
                                        new Requirement("c", Operator.EXISTS, Set.of()),
                                        new Requirement("d", Operator.DOES_NOT_EXIST, Set.of()))),
                        EnumSet.of(Direction.EGRESS),
                        List.of(new Rule(List.of(), List.of())),
                        List.of(new Rule(
                                List.of(
                                        new SelectedPods(Optional.of(LabelSelector.EVERYTHING), Optional.empty()),
                                        new SelectedPods(Optional.empty(), Optional.of(LabelSelector.of("x", "y"))),
                                        new SelectedPods(
                                                Optional.of(LabelSelector.of("x", "y")),
                                                Optional.of(LabelSelector.EVERYTHING)),
                                        new IpBlock(Cidr.parse("10.0.0.0/8"), List.of(Cidr.parse("10.1.0.0/16"))),
                                        new IpBlock(Cidr.parse("::/0"), List.of())),
                                List.of(
                                        new PortRule(Protocol.TCP, new AnyPort()),
                                        new PortRule(Protocol.UDP, new PortName("dns")),
                                        new PortRule(Protocol.SCTP, new PortNumbers(80, 80)),
                                        new PortRule(Protocol.TCP, new PortNumbers(1, 65_535)))))));
        Snapshot snapshot = snapshot(directory);

        snapshot.write(objects);

        assertThat(snapshot.read().orElseThrow().objects()).isEqualTo(objects);
    }

    @Test
    void nodeIsSaidToHaveANetworkUntilTheApiTakesIt() throws Exception {
        source = open(IMPATIENT);
        server.demand("secret");
        source.networkWorks("a");
        until("it was refused", () -> server.requests().contains("PATCH /api/v1/nodes/a/status"));
        assertThat(server.patches()).isEmpty();

        server.demand("");

        until("it was taken, and again", () -> server.patches().size() > 1);
        assertThat(server.patches().getFirst())
                .startsWith("{\"status\":{\"conditions\":[{\"type\":\"NetworkUnavailable\",\"status\":\"False\",");
        assertThat(Set.copyOf(server.patches())).as("said in the same words").hasSize(1);
    }

    @Test
    void nothingIsReportedAfterClose() throws Exception {
        start();
        source.close();
        server.put(PODS, "db", pod("db", "db", "10.244.1.3"));

        assertThat(changes.poll(300, TimeUnit.MILLISECONDS)).isNull();
    }

    /** As after a restore beneath a server that keeps its connections, and has nothing to say. */
    @Test
    void silentServerThatWasSetBackIsAskedForAllAnew() throws Exception {
        source.close();
        source = open(IMPATIENT);
        start();
        ApiTestServer.Backup backup = server.backup();
        server.put(NAMESPACES, "later", "{\"metadata\":{\"name\":\"later\"}}");
        next();
        server.remove(PODS, "web");
        next();

        server.restore(backup);

        List<String> heard = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            ClusterChange change = next();
            heard.addAll(names(change.added()));
            names(change.removed()).forEach(name -> heard.add("no " + name));
        }
        assertThat(heard).containsExactlyInAnyOrder("no Namespace later", "Pod shop/web");
    }
}
