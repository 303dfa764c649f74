package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.testbed.host.Await;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A source that is opened with a kind that the cluster need not have, and with several who want to hear of kinds. */
class RegisteredKindsTest {
    private static final String NAMESPACES = "/api/v1/namespaces";
    private static final Set<ObjectKind> WIDGETS = Set.of(Widget.OBJECT_KIND);
    private static final Duration LONG = Duration.ofMinutes(1);

    @TempDir
    private Path directory;

    private final BlockingQueue<ClusterChange> widgets = new LinkedBlockingQueue<>();
    private final BlockingQueue<ClusterChange> namespaces = new LinkedBlockingQueue<>();
    private final ApiTestServer server = ApiTestServer.start(0);
    private KubernetesSource source;

    @BeforeEach
    void serve() throws IOException {
        server.put(NAMESPACES, "shop", "{\"metadata\":{\"name\":\"shop\"}}");
        source = open(Widget.KIND, Duration.ofMillis(200), Duration.ofMillis(200));
    }

    @AfterEach
    void stop() {
        source.close();
        server.close();
    }

    /** Written at once, so that the next one finds what this one knew. */
    private KubernetesSource open(ApiKind<?> kind, Duration outage, Duration absence) throws IOException {
        return KubernetesSource.open(
                ApiConnection.open(ApiAddress.parse(
                        server.kubeconfig(directory.resolve("config")).toString())),
                Stream.concat(ApiKinds.NETWORKING.stream(), Stream.of(kind)).toList(),
                directory.resolve("state"),
                new Patience(outage, LONG, Duration.ofMillis(10), Duration.ofMillis(10), LONG, LONG, LONG, absence),
                new ApiMetrics(new PrometheusRegistry(), Clock.systemUTC()));
    }

    private void start() {
        source.start();
        source.subscribe(WIDGETS, widgets::add);
        source.subscribe(Set.of(ObjectKind.NAMESPACE), namespaces::add);
    }

    private ClusterChange next(BlockingQueue<ClusterChange> heard) throws InterruptedException {
        ClusterChange change = heard.poll(10, TimeUnit.SECONDS);
        assertThat(change)
                .as("a change within 10 s; faults: %s", source.faults())
                .isNotNull();
        return change == null ? ClusterChange.NONE : change;
    }

    private static List<String> names(List<ClusterObject> objects) {
        return objects.stream().map(object -> object.key().toString()).sorted().toList();
    }

    private void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(30), () -> what + "; faults: " + source.faults(), condition);
    }

    private long requests(String text) {
        return server.requests().stream()
                .filter(request -> request.contains(text))
                .count();
    }

    @Test
    void kindThatIsNotInstalledIsNoFaultAndNothingWaitsForIt() throws Exception {
        server.uninstall(Widget.PATH);
        // Nothing that is late is waited for within the time of this test.
        source.close();
        source = open(Widget.KIND, LONG, Duration.ofMillis(200));
        start();

        assertThat(next(widgets).isEmpty()).isTrue();
        until("all is known", () -> source.synced());
        assertThat(names(next(namespaces).added())).containsExactly("Namespace shop");
        until("it was asked for again", () -> requests(Widget.PATH) > 2);
        assertThat(source.faults()).isEmpty();
        assertThat(source.degraded()).isEmpty();
    }

    @Test
    void kindIsPickedUpWhenItIsInstalledAndLetGoWhenItIsNoMore() throws Exception {
        server.uninstall(Widget.PATH);
        start();
        next(widgets);
        next(namespaces);

        server.install(Widget.PATH);
        server.put(Widget.PATH, "one", Widget.json("one", "large"));
        assertThat(names(next(widgets).added())).containsExactly("Widget one");
        server.put(Widget.PATH, "two", Widget.json("two", "small"));
        assertThat(names(next(widgets).added())).containsExactly("Widget two");

        server.uninstall(Widget.PATH);
        assertThat(names(next(widgets).removed())).containsExactly("Widget one", "Widget two");
        assertThat(source.synced()).isTrue();
        assertThat(source.faults()).isEmpty();

        server.install(Widget.PATH);
        server.put(Widget.PATH, "three", Widget.json("three", "small"));
        assertThat(names(next(widgets).added())).containsExactly("Widget three");
        assertThat(namespaces).as("of other kinds").isEmpty();
    }

    /** As a server may that is just starting. */
    @Test
    void oneAnswerThatThereIsNoSuchKindTakesNothingAway() throws Exception {
        server.put(Widget.PATH, "one", Widget.json("one", "large"));
        start();
        next(widgets);
        until("it is watched", () -> requests(Widget.PATH + "?watch=1") == 1);
        server.refuse(Widget.PATH, 404, 1);

        server.endWatches();

        until("all is listed again", () -> requests(Widget.PATH + "?limit=") == 1);
        server.put(Widget.PATH, "two", Widget.json("two", "small"));
        assertThat(names(next(widgets).added())).containsExactly("Widget two");
    }

    @Test
    void refusalOfAnOptionalKindIsAFaultAndNothingWaitsForIt() throws Exception {
        server.refuse(Widget.PATH, 403, Integer.MAX_VALUE);
        start();

        assertThat(names(next(namespaces).added())).containsExactly("Namespace shop");
        assertThat(next(widgets).isEmpty()).isTrue();
        assertThat(source.synced()).isTrue();
        assertThat(source.degraded()).isEmpty();
        assertThat(source.faults())
                .singleElement()
                .satisfies(fault -> assertThat(fault.toString())
                        .startsWith("widgets: GET " + Widget.PATH)
                        .contains("403"));
    }

    @Test
    void whatWasKnownOfAnOptionalKindIsInForceWhereItIsRefused() throws Exception {
        server.put(Widget.PATH, "one", Widget.json("one", "large"));
        start();
        next(widgets);
        Path kept = directory.resolve("state").resolve(Snapshot.FILE);
        until("it is kept", () -> Files.exists(kept));
        source.close();
        widgets.clear();
        server.refuse(Widget.PATH, 403, Integer.MAX_VALUE);

        source = open(Widget.KIND, Duration.ofMillis(200), Duration.ofMillis(200));
        start();

        assertThat(names(next(widgets).added())).containsExactly("Widget one");
        assertThat(source.degraded()).as("the others are as the API says").isEmpty();
    }

    @Test
    void kindThatMustBeThereIsWaitedForWhereItIsNot() throws Exception {
        server.uninstall(NAMESPACES);
        start();

        until("the fault is named", () -> source.faults().toString().contains("404"));
        assertThat(next(widgets).isEmpty())
                .as("who asks for others need not wait")
                .isTrue();
        assertThat(source.synced()).isFalse();
        assertThat(namespaces).isEmpty();
    }

    @Test
    void objectsThatWillBeWrittenKeepTheirVersionAndOthersDoNot() throws Exception {
        source.close();
        source = open(Widget.WRITTEN, LONG, LONG);
        server.put(Widget.PATH, "one", Widget.json("one", "large"));
        start();

        assertThat(next(widgets).added()).containsExactly(new Widget("one", "large", "1002"));
        server.put(Widget.PATH, "one", Widget.json("one", "large"));
        assertThat(next(widgets).updated())
                .as("a new version of the same object")
                .containsExactly(new ClusterChange.Update(
                        new Widget("one", "large", "1002"), new Widget("one", "large", "1003")));
        assertThat(source.objects(Widget.OBJECT_KIND))
                .extracting(ClusterObject::resourceVersion)
                .containsExactly("1003");
        assertThat(source.objects(ObjectKind.NAMESPACE))
                .extracting(ClusterObject::resourceVersion)
                .containsExactly("");
    }

    @Test
    void eachHearsOfItsKindsInOrderAndWhoComesLaterHearsAllFirst() throws Exception {
        start();
        next(widgets);
        next(namespaces);

        for (int i = 0; i < 20; i++) {
            server.put(Widget.PATH, "w" + i, Widget.json("w" + i, "small"));
            server.put(NAMESPACES, "n" + i, "{\"metadata\":{\"name\":\"n" + i + "\"}}");
        }

        for (int i = 0; i < 20; i++) {
            assertThat(names(next(widgets).added())).containsExactly("Widget w" + i);
            assertThat(names(next(namespaces).added())).containsExactly("Namespace n" + i);
        }
        BlockingQueue<ClusterChange> late = new LinkedBlockingQueue<>();
        source.subscribe(Set.of(Widget.OBJECT_KIND, ObjectKind.NAMESPACE), late::add);
        assertThat(next(late).added()).hasSize(41);
        server.remove(Widget.PATH, "w0");
        assertThat(names(next(late).removed())).containsExactly("Widget w0");
        assertThat(names(next(widgets).removed())).containsExactly("Widget w0");
        assertThat(namespaces).isEmpty();
    }

    @Test
    void kindThatWasNotAskedForCanNotBeSubscribedTo() {
        ObjectKind other = new ObjectKind("example.com", "Gadget", false, ObjectKind.Naming.LABEL);

        assertThatThrownBy(() -> source.subscribe(Set.of(other), widgets::add))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Gadget.example.com is not asked for");
        assertThatThrownBy(() -> source.objects(other)).isInstanceOf(IllegalArgumentException.class);
        source.close();
        assertThatThrownBy(() -> source.subscribe(WIDGETS, widgets::add)).isInstanceOf(IllegalStateException.class);
    }
}
