package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ikat.testbed.host.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeaderLeaseTest {
    private static final String LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    private static final LeaderLease.Timing QUICK =
            new LeaderLease.Timing(Duration.ofSeconds(2), Duration.ofSeconds(1), Duration.ofMillis(100));

    @TempDir
    private Path directory;

    private final ApiTestServer server = ApiTestServer.start(0);
    private final List<LeaderLease> leases = new ArrayList<>();
    private final List<String> taken = new CopyOnWriteArrayList<>();

    @BeforeEach
    void serve() {
        server.has(LEASES);
    }

    @AfterEach
    void stop() {
        leases.forEach(LeaderLease::close);
        server.close();
    }

    private LeaderLease start(String identity) throws IOException {
        LeaderLease lease = new LeaderLease(
                ApiConnection.open(ApiAddress.parse(
                        server.kubeconfig(directory.resolve(identity)).toString())),
                "kube-system",
                "test",
                identity,
                QUICK);
        leases.add(lease);
        lease.start(() -> taken.add(identity));
        return lease;
    }

    private void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(20), () -> what + "; taken by " + taken + "; " + server.objects(), condition);
    }

    private JsonNode spec() {
        return server.objects().getFirst().path("spec");
    }

    @Test
    void oneHoldsItAndTheOtherKnows() throws Exception {
        LeaderLease one = start("one");
        until("one holds it", one::isHeld);
        LeaderLease two = start("two");

        until("two knows", () -> two.otherHolder().isPresent());
        Thread.sleep(Duration.ofSeconds(3));
        assertThat(one.isHeld()).isTrue();
        assertThat(two.isHeld()).isFalse();
        assertThat(taken).containsExactly("one");
        assertThat(spec().path("leaseTransitions").asInt()).isZero();
    }

    @Test
    void leaseThatIsGivenBackIsTakenAtOnce() throws Exception {
        LeaderLease one = start("one");
        until("one holds it", one::isHeld);
        LeaderLease two = start("two");
        until("two knows", () -> two.otherHolder().isPresent());

        long begun = System.nanoTime();
        one.close();

        until("two holds it", two::isHeld);
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(1));
        assertThat(one.isHeld()).isFalse();
        assertThat(spec().path("leaseTransitions").asInt()).isEqualTo(1);
    }

    @Test
    void holderThatIsNotAnsweredGivesUpBeforeAnotherTakesIt() throws Exception {
        LeaderLease one = start("one");
        until("one holds it", one::isHeld);
        server.refuse("/leases/test", 500, 15);

        until("one has given up", () -> !one.isHeld());
        LeaderLease two = start("two");
        assertThat(two.isHeld()).isFalse();
        until("two holds it", two::isHeld);
        assertThat(one.isHeld()).isFalse();
        // A moment after the lease counts as held.
        until("two was told", () -> taken.equals(List.of("one", "two")));
    }

    @Test
    void holderWhoseLeaseAnotherHasIsNoneAnyMore() throws Exception {
        LeaderLease one = start("one");
        until("one holds it", one::isHeld);

        server.put(LEASES, "test", """
            {"metadata":{"name":"test"},"spec":{"holderIdentity":"other","leaseDurationSeconds":15,
             "renewTime":"2026-01-01T00:00:00.000000Z"}}\
            """);

        until("one has given up", () -> !one.isHeld());
        assertThat(spec().path("holderIdentity").asText()).isEqualTo("other");
    }
}
