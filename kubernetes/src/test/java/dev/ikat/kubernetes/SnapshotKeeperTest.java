package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.ObjectKind;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Namespaces and pods, which a cluster must have, and widgets, which it need not have. */
class SnapshotKeeperTest {
    private static final ClusterObject SHOP = new Namespace("shop", Labels.NONE);
    private static final ClusterObject WIDGET = new Widget("one", "large", "");
    private static final Duration LONG = Duration.ofMinutes(1);
    /** Whoever waits for this long has waited enough at the first tick. */
    private static final Duration NONE = Duration.ZERO;

    @TempDir
    private Path directory;

    private final KindSet kinds = new KindSet(List.of(ApiKinds.NAMESPACES, ApiKinds.PODS, Widget.KIND));
    private final ApiMetrics metrics = new ApiMetrics(new PrometheusRegistry(), Clock.systemUTC());
    private final KnownCluster cluster = new KnownCluster(kinds, metrics, () -> {});

    private Snapshot snapshot() {
        return new Snapshot(directory.resolve("state"), kinds);
    }

    /**
     * @param outage until the snapshot does for an API that does not answer
     * @param save until a change is in the snapshot
     */
    private SnapshotKeeper keeper(Duration outage, Duration save) {
        return new SnapshotKeeper(
                cluster, kinds, snapshot(), new Patience(outage, LONG, save, LONG, LONG, LONG, LONG, LONG), metrics);
    }

    private void list(ApiKind<?> kind, String... objects) {
        cluster.listBegins(kind);
        Stream.of(objects).forEach(object -> cluster.listed(new ApiObject(kind, ManifestFileTest.yaml(object))));
        cluster.listEnds(kind);
    }

    private void listAll() {
        list(ApiKinds.NAMESPACES, "{\"metadata\":{\"name\":\"shop\"}}");
        list(ApiKinds.PODS);
        list(Widget.KIND);
    }

    private void outage() {
        kinds.all().forEach(kind -> cluster.disconnected(kind, "refused"));
    }

    private List<String> saved() {
        return snapshot().read().stream()
                .flatMap(content -> content.objects().stream())
                .map(object -> object.key().toString())
                .sorted()
                .toList();
    }

    @Test
    void snapshotDoesForAnApiThatDoesNotAnswerInTime() throws IOException {
        snapshot().write(List.of(SHOP, WIDGET));
        SnapshotKeeper patient = keeper(LONG, LONG);
        SnapshotKeeper keeper = keeper(NONE, LONG);
        outage();

        patient.tick();
        assertThat(cluster.synced()).isFalse();
        keeper.tick();

        assertThat(cluster.objects(ObjectKind.NAMESPACE)).containsExactly(SHOP);
        assertThat(cluster.objects(Widget.OBJECT_KIND)).containsExactly(WIDGET);
        assertThat(cluster.asOf()).isPresent();
    }

    @Test
    void slowApiIsWaitedForLongerThanOneThatDoesNotAnswer() throws IOException {
        snapshot().write(List.of(SHOP));
        SnapshotKeeper keeper = keeper(NONE, LONG);

        keeper.tick();

        assertThat(cluster.synced()).isFalse();
        assertThat(cluster.objects(ObjectKind.NAMESPACE)).isEmpty();
    }

    @Test
    void snapshotIsReadOnceForWhatMustBeThereAndOnceForTheRest() throws IOException {
        SnapshotKeeper keeper = keeper(NONE, LONG);
        outage();
        keeper.tick();
        snapshot().write(List.of(SHOP, WIDGET));

        keeper.tick();
        assertThat(cluster.synced()).as("there was none when it was read").isFalse();
        list(ApiKinds.NAMESPACES);
        list(ApiKinds.PODS);
        keeper.tick();

        assertThat(cluster.synced()).isTrue();
        assertThat(cluster.objects(Widget.OBJECT_KIND)).containsExactly(WIDGET);
        assertThat(cluster.objects(ObjectKind.NAMESPACE)).isEmpty();
    }

    @Test
    void whatTheApiSaidIsKept() {
        SnapshotKeeper keeper = keeper(NONE, NONE);
        keeper.tick();
        assertThat(saved()).as("nothing is known yet").isEmpty();

        listAll();
        keeper.tick();

        assertThat(saved()).containsExactly("Namespace shop");
        assertThat(keeper.fault()).isEmpty();
    }

    @Test
    void whatComesFromASnapshotIsNotKeptAgain() throws IOException {
        snapshot().write(List.of(SHOP));
        SnapshotKeeper keeper = keeper(NONE, NONE);
        outage();
        keeper.tick();
        Files.delete(snapshot().file());

        keeper.save(true);

        assertThat(snapshot().file()).doesNotExist();
    }

    @Test
    void kindThatChangesOftenIsKeptLaterButNotTooLate() {
        SnapshotKeeper keeper = keeper(NONE, NONE);
        listAll();
        keeper.tick();

        cluster.changed(new ApiObject(ApiKinds.PODS, ManifestFileTest.yaml("""
                {"metadata":{"name":"web","namespace":"shop"},"spec":{},"status":{}}""")));
        keeper.tick();
        assertThat(saved()).containsExactly("Namespace shop");
        keeper.save(true);

        assertThat(saved()).containsExactly("Namespace shop", "Pod shop/web");
    }

    @Test
    void snapshotThatCannotBeWrittenIsAFaultWithItsReason() throws IOException {
        Files.writeString(directory.resolve("state"), "in the way");
        SnapshotKeeper keeper = keeper(NONE, NONE);
        listAll();

        keeper.tick();

        assertThat(keeper.fault().map(SourceFault::toString))
                .hasValueSatisfying(fault -> assertThat(fault)
                        .contains(snapshot().file().toString(), "is not a directory", "the agent tries again"));
    }
}
