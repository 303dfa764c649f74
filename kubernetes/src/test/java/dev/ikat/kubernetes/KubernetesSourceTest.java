package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Pod;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class KubernetesSourceTest extends ApiSourceFixture {
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

        // As the kubelet says every few minutes that it is still there.
        server.put(NODES, "a", node("a", "10.244.1.0/24", "192.0.2.1").replace("\"type\":\"Ready\",", """
                "lastHeartbeatTime":"2026-01-02T03:04:05Z","type":"Ready","""));
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
