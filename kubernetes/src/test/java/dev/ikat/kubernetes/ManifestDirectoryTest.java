package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class ManifestDirectoryTest {
    private static final Duration SETTLING = Duration.ofMillis(250);

    private final BlockingQueue<ClusterChange> changes = new LinkedBlockingQueue<>();
    private TestDirectory place;
    private Path directory;
    private ManifestDirectory source;

    @BeforeEach
    void open() {
        place = TestDirectory.create();
        directory = place.directory("manifests");
        source = new ManifestDirectory(
                directory, ApiKinds.NETWORKING, Clock.systemUTC(), SETTLING, Duration.ofMillis(300));
    }

    @AfterEach
    void close() {
        source.close();
        place.close();
    }

    private static String namespace(String name, String label) {
        return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {label: " + label + "}}\n";
    }

    private Path write(String file, String... documents) throws IOException {
        return Files.writeString(directory.resolve(file), String.join("---\n", documents));
    }

    private void start() throws InterruptedException {
        source.start(change -> changes.add(change));
        assertThat(next()).isNotNull();
    }

    private ClusterChange next() throws InterruptedException {
        ClusterChange change = changes.poll(10, TimeUnit.SECONDS);
        assertThat(change).as("a change within ten seconds").isNotNull();
        return change;
    }

    private void assertNoChange() throws InterruptedException {
        assertThat(changes.poll(600, TimeUnit.MILLISECONDS)).isNull();
    }

    private static Stream<String> names(List<? extends ClusterObject> objects) {
        return objects.stream().map(object -> object.key().toString());
    }

    private void awaitFaults(int count) {
        Await.until(
                Duration.ofSeconds(10),
                () -> count + " faults, not " + source.faults(),
                () -> source.faults().size() == count);
    }

    @Test
    void startReportsAllThatThereIs() throws Exception {
        write("a.yaml", namespace("shop", "a"));
        write("b.yml", namespace("bank", "a"));
        write("c.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"mill\"}}");
        write("d.txt", "nonsense: [");
        write(".e.yaml.swp.yaml", "nonsense: [");
        Files.createDirectory(directory.resolve("f.yaml"));
        assertThat(source.synced()).isFalse();

        source.start(change -> changes.add(change));

        assertThat(names(next().added())).containsExactly("Namespace bank", "Namespace mill", "Namespace shop");
        assertThat(ClusterState.of(source).namespaces()).containsOnlyKeys("bank", "mill", "shop");
        assertThat(source.synced()).isTrue();
        assertThat(source.faults()).isEmpty();
    }

    @Test
    void listenerFindsTheStateThatItIsToldOf() throws Exception {
        write("a.yaml", namespace("shop", "a"));
        BlockingQueue<Boolean> found = new LinkedBlockingQueue<>();

        source.start(change -> found.add(
                source.synced() && !ClusterState.of(source).namespaces().isEmpty()));
        write("b.yaml", namespace("bank", "a"));

        assertThat(found.poll(10, TimeUnit.SECONDS)).isTrue();
        assertThat(found.poll(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void startReportsThatThereIsNothing() throws Exception {
        source.start(change -> changes.add(change));

        assertThat(next().isEmpty()).isTrue();
        assertThat(source.synced()).isTrue();
    }

    @Test
    void startWithoutDirectorySaysSo() {
        try (ManifestDirectory nowhere = new ManifestDirectory(directory.resolve("nowhere"), ApiKinds.NETWORKING)) {
            assertThatThrownBy(() -> nowhere.start(change -> {}))
                    .isInstanceOf(ClusterSourceException.class)
                    .hasMessageContaining(
                            "the directory of manifests " + directory.resolve("nowhere") + " does not exist");
        }
    }

    @Test
    void changedFileIsReportedAsWhatDiffers() throws Exception {
        write("a.yaml", namespace("shop", "a"), namespace("bank", "a"), namespace("mill", "a"));
        start();

        write("a.yaml", namespace("shop", "b"), namespace("bank", "a"), namespace("farm", "a"));

        ClusterChange change = next();
        assertThat(names(change.added())).containsExactly("Namespace farm");
        assertThat(change.updated()).hasSize(1);
        assertThat(change.updated().getFirst().after())
                .isEqualTo(ClusterState.of(source).namespace("shop").orElseThrow());
        assertThat(names(change.removed())).containsExactly("Namespace mill");
    }

    @Test
    void deletedFileTakesItsObjectsAlong() throws Exception {
        Path file = write("a.yaml", namespace("shop", "a"));
        write("b.yaml", namespace("bank", "a"));
        start();

        Files.delete(file);

        assertThat(names(next().removed())).containsExactly("Namespace shop");
        assertThat(ClusterState.of(source).namespaces()).containsOnlyKeys("bank");
    }

    @Test
    void brokenFileIsReportedAndItsLastGoodStateStaysInForce() throws Exception {
        Path file = write("a.yaml", namespace("shop", "a"), namespace("bank", "a"));
        start();

        write("a.yaml", namespace("shop", "b"), "apiVersion: v1\nkind: Namespace\nmetadata: {name: Bank}\n");
        awaitFaults(1);

        assertThat(source.faults().getFirst().toString()).startsWith(file + ":7:18: Namespace Bank: metadata.name: ");
        assertThat(ClusterState.of(source).namespaces()).containsOnlyKeys("bank", "shop");
        assertNoChange();

        write("a.yaml", namespace("shop", "b"));
        ClusterChange change = next();
        assertThat(change.updated()).hasSize(1);
        assertThat(names(change.removed())).containsExactly("Namespace bank");
        awaitFaults(0);
    }

    @Test
    void objectInTwoFilesIsReportedAndTheFirstFileHolds() throws Exception {
        Path first = write("a.yaml", namespace("shop", "a"));
        Path second = write("b.yaml", namespace("bank", "a"), namespace("shop", "b"));
        start();

        assertThat(ClusterState.of(source)
                        .namespace("shop")
                        .orElseThrow()
                        .labels()
                        .values())
                .containsEntry("label", "a");
        assertThat(source.faults())
                .extracting(SourceFault::toString)
                .containsExactly(
                        second + ":5:1: Namespace shop: is also defined at " + first + ":1, which is in force");

        Files.delete(first);
        assertThat(next().updated()).hasSize(1);
        assertThat(ClusterState.of(source)
                        .namespace("shop")
                        .orElseThrow()
                        .labels()
                        .values())
                .containsEntry("label", "b");
        assertThat(source.faults()).isEmpty();
    }

    @Test
    void fileIsNotReadWhileItIsBeingWritten() throws Exception {
        Path file = write("a.yaml", namespace("shop", "a"), namespace("bank", "a"));
        start();
        String both = namespace("shop", "b") + "---\n" + namespace("bank", "b");

        Files.write(file, new byte[0]);
        for (String line : both.lines().toList()) {
            Thread.sleep(5);
            Files.writeString(file, line + "\n", StandardOpenOption.APPEND);
        }

        assertThat(next().updated()).hasSize(2);
        assertThat(source.faults()).isEmpty();
    }

    @Test
    void fileThatAnEditorMovesAwayAndWritesAnewIsOnlyChanged() throws Exception {
        Path file = write("a.yaml", namespace("shop", "a"));
        start();

        Files.move(file, directory.resolve("a.yaml~"));
        Thread.sleep(10);
        write("a.yaml", namespace("shop", "b"));

        ClusterChange change = next();
        assertThat(change.updated()).hasSize(1);
        assertThat(change.removed()).isEmpty();
    }

    @Test
    void fileRenamedIntoPlaceIsReadWhateverItsTimeIs() throws Exception {
        Path file = write("a.yaml", namespace("shop", "a"));
        start();

        Path next = Files.writeString(place.path().resolve("next"), namespace("shop", "b"));
        Files.setLastModifiedTime(next, Files.getLastModifiedTime(file));
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);

        assertThat(next().updated()).hasSize(1);
    }

    @Test
    void linksThatAreSwitchedTogetherAreFollowed() throws Exception {
        // As the kubelet does it for a volume of a ConfigMap.
        Files.writeString(place.directory("manifests/..1").resolve("a.yaml"), namespace("shop", "a"));
        Files.writeString(place.directory("manifests/..2").resolve("a.yaml"), namespace("shop", "b"));
        Files.createSymbolicLink(directory.resolve("..data"), Path.of("..1"));
        Files.createSymbolicLink(directory.resolve("a.yaml"), Path.of("..data", "a.yaml"));
        Files.createSymbolicLink(directory.resolve("dangling.yaml"), Path.of("nowhere"));
        start();

        Files.createSymbolicLink(directory.resolve("..new"), Path.of("..2"));
        Files.move(directory.resolve("..new"), directory.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);

        assertThat(next().updated()).hasSize(1);
    }

    @Test
    void directoryThatIsGoneForAWhileIsReportedAndNothingElseChanges() throws Exception {
        write("a.yaml", namespace("shop", "a"));
        start();

        Path away = directory.resolveSibling("away");
        Files.move(directory, away);
        awaitFaults(1);
        assertThat(source.faults().getFirst().reason()).startsWith("can't be listed");
        assertThat(ClusterState.of(source).namespaces()).containsOnlyKeys("shop");

        Files.move(away, directory);
        awaitFaults(0);
        write("b.yaml", namespace("bank", "a"));
        assertThat(names(next().added())).containsExactly("Namespace bank");
    }

    @Test
    void listenerThatThrowsHearsTheNextChange() throws Exception {
        source.start(change -> {
            changes.add(change);
            throw new IllegalStateException("the listener's own fault");
        });
        next();

        write("a.yaml", namespace("shop", "a"));

        assertThat(names(next().added())).containsExactly("Namespace shop");
    }

    @Test
    void eachListenerHearsOfItsKindsAndWhoComesLaterHearsAllFirst() throws Exception {
        BlockingQueue<ClusterChange> nodes = new LinkedBlockingQueue<>();
        source.subscribe(Set.of(ObjectKind.NODE), nodes::add);
        write("a.yaml", namespace("shop", "a"));
        assertThat(nodes).as("before the start").isEmpty();
        start();
        assertThat(nodes.take().isEmpty()).isTrue();

        write("b.yaml", namespace("bank", "a"), "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n");

        assertThat(names(next().added())).containsExactly("Namespace bank", "Node n");
        assertThat(names(nodes.take().added())).containsExactly("Node n");
        BlockingQueue<ClusterChange> late = new LinkedBlockingQueue<>();
        source.subscribe(Set.of(ObjectKind.NAMESPACE), late::add);
        assertThat(names(late.take().added())).containsExactly("Namespace bank", "Namespace shop");
        assertThat(names(source.objects(ObjectKind.NODE))).containsExactly("Node n");
    }

    @Test
    void nothingIsReportedAfterClose() throws Exception {
        start();

        source.close();
        write("a.yaml", namespace("shop", "a"));

        assertNoChange();
        assertThat(ClusterState.of(source)).isEqualTo(ClusterState.EMPTY);
        assertThatThrownBy(() -> source.start(change -> {})).isInstanceOf(IllegalStateException.class);
    }
}
