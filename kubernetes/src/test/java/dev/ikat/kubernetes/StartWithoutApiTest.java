package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a source keeps of the cluster, and starts from where the API does not answer. */
class StartWithoutApiTest extends ApiSourceFixture {
    private static Snapshot snapshot(Path state) {
        return new Snapshot(state, new KindSet(ApiKinds.NETWORKING));
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
}
