package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReflectorTest {
    private static final String NAMESPACES = "/api/v1/namespaces";
    private static final Duration MOMENT = Duration.ofMillis(100);
    private static final Duration EVER = Duration.ofDays(1);

    @TempDir
    private Path directory;

    private final ApiTestServer server = ApiTestServer.start(0);
    private final List<String> heard = new CopyOnWriteArrayList<>();
    private final Backoff backoff = new Backoff(new SplittableRandom(1));
    private final List<Reflector> started = new ArrayList<>();
    private ApiKind<?> kind = ApiKinds.NAMESPACES;
    private Duration absence = EVER;
    private ApiConnection api;

    @BeforeEach
    void serve() throws IOException {
        for (String name : List.of("a", "b", "c", "d", "e")) {
            server.put(NAMESPACES, name, namespace(name));
        }
        api = ApiConnection.open(
                ApiAddress.parse(server.kubeconfig(directory.resolve("config")).toString()));
    }

    @AfterEach
    void stop() {
        started.forEach(Reflector::close);
        api.close();
        server.close();
    }

    private static String namespace(String name) {
        return "{\"metadata\":{\"name\":\"" + name + "\"}}";
    }

    private void start(Duration shortLived) {
        started.add(new Reflector(
                        kind,
                        api,
                        new ServerHistory(api),
                        new Hearer(),
                        new SplittableRandom(1),
                        backoff,
                        shortLived,
                        absence)
                .start());
    }

    private final class Hearer implements Reflector.Sink {
        @Override
        public void listBegins(ApiKind<?> kind) {
            heard.add("begin");
        }

        @Override
        public void listed(ApiObject object) {
            heard.add(object.key().name());
        }

        @Override
        public void listEnds(ApiKind<?> kind) {
            heard.add("end");
        }

        @Override
        public void changed(ApiObject object) {
            heard.add("+" + object.key().name());
        }

        @Override
        public void deleted(ApiObject object) {
            heard.add("-" + object.key().name());
        }

        @Override
        public void connected(ApiKind<?> kind) {
            heard.add("connected");
        }

        @Override
        public void disconnected(ApiKind<?> kind, String reason) {
            heard.add("disconnected");
        }

        @Override
        public boolean holds(ApiKind<?> kind) {
            return heard.contains("end") && !heard.contains("absent");
        }

        @Override
        public void absent(ApiKind<?> kind) {
            heard.add("absent");
        }
    }

    private long count(String what) {
        return heard.stream().filter(what::equals).count();
    }

    private void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(6), () -> what + "; heard: " + heard, condition);
    }

    /** As after a long outage: the next pause is eight seconds at least. */
    private void growBackoff() {
        for (int i = 0; i < 6; i++) {
            backoff.next();
        }
    }

    private List<String> requests(String text) {
        return server.requests().stream()
                .filter(request -> request.contains(text))
                .toList();
    }

    @Test
    void watchThatLastedAndBreaksIsAskedForAgainSoon() throws Exception {
        growBackoff();
        start(MOMENT);
        until("it watches", () -> count("connected") == 1);
        Thread.sleep(3 * MOMENT.toMillis());

        server.breakWatches();

        until("it watches again", () -> count("connected") == 2);
        assertThat(heard).contains("disconnected").containsOnlyOnce("begin");
        server.put(NAMESPACES, "f", namespace("f"));
        until("events go on", () -> heard.contains("+f"));
    }

    @Test
    void watchThatBreaksAtOnceIsNoReasonForHaste() throws Exception {
        growBackoff();
        start(EVER);
        until("it watches", () -> count("connected") == 1);
        Thread.sleep(3 * MOMENT.toMillis());

        server.breakWatches();

        until("it heard of it", () -> count("disconnected") == 1);
        Thread.sleep(1_000);
        assertThat(count("connected")).isEqualTo(1);
    }

    @Test
    void whoHearsThatTheServerIsBackTriesAgainAtOnce() throws Exception {
        growBackoff();
        server.refuse(NAMESPACES, 503, 1);
        start(EVER);
        until("it was refused", () -> count("disconnected") == 1);

        until("it watches", () -> {
            started.getFirst().hurry();
            return count("connected") == 1;
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 410, 504})
    void serverThatCanNotWatchFromThereIsAskedForAllAgain(int status) throws Exception {
        server.refuse("watch=1", status, 1);
        start(MOMENT);

        until("it watches", () -> count("connected") == 1);
        assertThat(heard)
                .containsSubsequence("begin", "a", "b", "c", "d", "e", "end", "disconnected", "begin", "a", "end");
        assertThat(requests("watch=1")).hasSize(2);
        assertThat(requests("limit=500")).as("from the store").hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {403, 429, 500, 503})
    void serverThatIsOnlyBusyIsAskedForTheSameWatchAgain(int status) throws Exception {
        server.refuse("watch=1", status, 1);
        start(MOMENT);

        until("it watches", () -> count("connected") == 1);
        assertThat(count("begin")).isEqualTo(1);
        assertThat(requests("watch=1")).hasSize(2).allMatch(request -> request.contains("resourceVersion=1005&"));
    }

    @Test
    void listWhosePagesAreForgottenMidwayBeginsAnew() throws Exception {
        server.pages(2);
        // Only a list from the store comes in pages.
        server.refuse("resourceVersion=0", 500, 1);
        server.refuse("continue=2", 410, 1);
        start(MOMENT);

        until("it watches", () -> count("connected") == 1);
        assertThat(heard)
                .containsExactly(
                        "begin",
                        "disconnected",
                        "begin",
                        "a",
                        "b",
                        "disconnected",
                        "begin",
                        "a",
                        "b",
                        "c",
                        "d",
                        "e",
                        "end",
                        "connected");
        assertThat(requests("limit=500"))
                .hasSize(5)
                .satisfiesExactly(
                        first -> assertThat(first).doesNotContain("continue"),
                        expired -> assertThat(expired).endsWith("&continue=2"),
                        again -> assertThat(again).doesNotContain("continue"),
                        second -> assertThat(second).endsWith("&continue=2"),
                        third -> assertThat(third).endsWith("&continue=4"));
    }

    private void setBack() throws InterruptedException {
        ApiTestServer.Backup backup = server.backup();
        start(MOMENT);
        until("it watches", () -> count("connected") == 1);
        for (String name : List.of("f", "g", "h")) {
            server.put(NAMESPACES, name, namespace(name));
        }
        until("it has heard all", () -> heard.contains("+h"));
        server.restore(backup);
    }

    private void assertThatAllIsListedAnew() throws InterruptedException {
        until("it watches again", () -> count("connected") == 2);
        assertThat(heard.subList(heard.indexOf("+h"), heard.size()))
                .containsSubsequence("disconnected", "begin", "a", "e", "end", "connected")
                .doesNotContain("f", "g", "h");
        assertThat(requests("limit=500")).as("from the store").hasSize(1);
    }

    @Test
    void eventThatIsOlderThanWhatWasHeardHasAllListedAnew() throws Exception {
        setBack();
        server.put(NAMESPACES, "x", namespace("x"));

        assertThatAllIsListedAnew();
        assertThat(heard).contains("x").doesNotContain("+x");
    }

    @Test
    void bookmarkThatIsOlderThanWhatWasHeardHasAllListedAnew() throws Exception {
        setBack();
        server.bookmark();

        assertThatAllIsListedAnew();
    }

    @Test
    void serverThatWasSetBackWhileTheWatchWasBrokenIsNotAskedToGoOn() throws Exception {
        setBack();
        server.endWatches();

        assertThatAllIsListedAnew();
        assertThat(requests("watch=1")).noneMatch(request -> request.contains("resourceVersion=1008&"));
    }

    @Test
    void optionalKindThatTheServerDoesNotHaveIsAskedForNowAndThen() throws Exception {
        kind = kind.optional();
        absence = MOMENT;
        server.uninstall(NAMESPACES);
        start(MOMENT);

        until("it was asked for again", () -> count("absent") == 3);
        assertThat(heard).containsOnly("begin", "absent");
        server.install(NAMESPACES);
        until("it watches", () -> count("connected") == 1);
    }

    @Test
    void optionalKindIsAskedForAtOnceWhenOthersAppear() throws Exception {
        kind = kind.optional();
        server.uninstall(NAMESPACES);
        start(MOMENT);
        until("it is absent", () -> count("absent") == 1);
        server.install(NAMESPACES);

        until("it watches", () -> {
            started.getFirst().hurry();
            return count("connected") == 1;
        });
    }

    @Test
    void optionalKindThatWasThereIsAskedForOnceMoreBeforeItCountsAsGone() throws Exception {
        kind = kind.optional();
        absence = MOMENT.multipliedBy(10);
        start(EVER);
        until("it watches", () -> count("connected") == 1);
        server.uninstall(NAMESPACES);

        until("it is gone", () -> count("absent") == 1);
        assertThat(requests("watch=1")).as("the second one found nothing").hasSize(2);
        assertThat(requests("limit=500")).as("nor did a list").hasSize(1);
        assertThat(heard).doesNotContain("disconnected");
    }

    @Test
    void kindThatMustBeThereIsMissedWhereItIsNot() throws Exception {
        server.uninstall(NAMESPACES);
        start(MOMENT);

        until("it was asked for again", () -> count("disconnected") == 2);
        assertThat(heard).doesNotContain("absent");
    }

    @ParameterizedTest
    @CsvSource({
        "9, 10, true", "10, 9, false", "10, 10, false", "99999999999999999999998, 99999999999999999999999, true",
        "a, b, false", "'', 1, false", "1, '', false", "5, x5, false"
    })
    void versionsAreComparedAsNumbersOrNotAtAll(String version, String than, boolean older) {
        assertThat(ServerHistory.isOlder(version, than)).isEqualTo(older);
    }

    @Test
    void earlierVersionIsReadWhereTheServerDoesNotHaveTheNewer() {
        String newer = "/apis/discovery.k8s.io/v1/endpointslices";
        String earlier = "/apis/discovery.k8s.io/v1beta1/endpointslices";
        kind = ApiKinds.ENDPOINT_SLICES;
        server.uninstall(newer);
        server.put(earlier, "web", "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"}}");

        start(MOMENT);

        until("the list", () -> heard.contains("connected"));
        assertThat(heard).containsExactly("begin", "begin", "web", "end", "connected");
        assertThat(requests("watch=1")).allMatch(request -> request.contains(earlier));
    }
}
