package dev.ikat.controller;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ikat.controller.allocation.Rules;
import dev.ikat.kubernetes.ApiAddress;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.testbed.host.Await;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Controllers, and an API that does what they write. */
class ControllerTest {
    private static final String SERVICES = "/api/v1/services";
    private static final String POOLS = "/apis/ikat.dev/v1alpha1/addresspools";
    private static final String LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

    @TempDir
    private Path directory;

    private final ApiTestServer server = ApiTestServer.start(0);
    private final List<Controller> started = new ArrayList<>();

    @BeforeEach
    void serve() {
        server.has(LEASES);
        server.put("/api/v1/namespaces", "shop", "{\"metadata\":{\"name\":\"shop\"}}");
    }

    @AfterEach
    void stop() {
        started.forEach(Controller::close);
        server.close();
    }

    private Controller start(String identity) {
        try {
            Controller controller = Controller.start(
                    new ControllerOptions(
                            ApiAddress.parse(server.kubeconfig(directory.resolve(identity))
                                    .toString()),
                            new Rules("ikat.dev/lb", false, Duration.ofMinutes(5)),
                            "kube-system",
                            "ikat-controller",
                            identity),
                    new PrometheusRegistry(),
                    () -> {});
            started.add(controller);
            return controller;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void pool(String name, String addresses) {
        server.put(POOLS, name, """
            {"metadata":{"name":"%s","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z"},
             "spec":{"addresses":[%s]}}\
            """.formatted(name, addresses));
    }

    private void service(String name, String annotations) {
        server.put(SERVICES, name, serviceText(name, annotations));
    }

    private static String serviceText(String name, String annotations) {
        return """
            {"metadata":{"name":"%s","namespace":"shop","uid":"u-%s","annotations":{%s},
             "creationTimestamp":"2026-01-01T00:00:00Z"},
             "spec":{"type":"LoadBalancer","loadBalancerClass":"ikat.dev/lb","ipFamilies":["IPv4"],
             "ports":[{"port":80}]}}\
            """.formatted(name, name, annotations);
    }

    /** What each service's status says. */
    private Map<String, List<String>> statuses() {
        Map<String, List<String>> statuses = new TreeMap<>();
        for (JsonNode object : server.objects()) {
            if (object.path("spec").has("type")) {
                List<String> ips = new ArrayList<>();
                object.path("status")
                        .path("loadBalancer")
                        .path("ingress")
                        .forEach(entry -> ips.add(entry.path("ip").asText()));
                statuses.put(object.path("metadata").path("name").asText(), ips);
            }
        }
        return statuses;
    }

    private List<String> addresses(String service) {
        return statuses().getOrDefault(service, List.of());
    }

    private JsonNode status(String pool) {
        return server.objects().stream()
                .filter(object -> object.path("spec").has("addresses"))
                .filter(object -> object.path("metadata").path("name").asText().equals(pool))
                .findFirst()
                .orElseThrow()
                .path("status");
    }

    private String condition(String pool) {
        JsonNode condition = status(pool).path("conditions").path(0);
        return condition.path("status").asText() + " "
                + condition.path("reason").asText();
    }

    private void until(String what, BooleanSupplier condition) {
        Await.until(
                Duration.ofSeconds(30),
                () -> what + "; " + statuses() + "; "
                        + started.stream().map(Controller::notReady).toList(),
                condition);
    }

    @Test
    void servicesAndPoolsAreToldInTheirStatus() {
        pool("a", "\"192.0.2.1-192.0.2.2\"");
        service("web", "");
        Controller controller = start("one");

        until("web has an address", () -> addresses("web").equals(List.of("192.0.2.1")));
        until(
                "the pool is reported of",
                () -> condition("a").equals("True Accepted")
                        && status("a").path("used").asLong() == 1);
        assertThat(status("a").path("free").asLong()).isEqualTo(1);
        assertThat(controller.notReady()).isEmpty();

        service("api", "");
        until("api has one", () -> addresses("api").equals(List.of("192.0.2.2")));
        server.remove(SERVICES, "web");
        service("next", "");
        until("it is given again", () -> addresses("next").equals(List.of("192.0.2.1")));
        service("next", "");
        until(
                "what another writer took away is there again",
                () -> addresses("next").equals(List.of("192.0.2.1")));
    }

    @Test
    void nextLeaderMovesNothing() {
        pool("a", "\"192.0.2.0/24\"");
        for (int i = 0; i < 20; i++) {
            service("s" + i, "");
        }
        Controller first = start("one");
        until("all have one", () -> statuses().values().stream().noneMatch(List::isEmpty));
        Controller second = start("two");
        until("two knows the leader", () -> second.notReady().isEmpty());
        server.remove(SERVICES, "s0");
        Map<String, List<String>> before = statuses();

        first.close();
        service("later", "");

        until("two leads", () -> !addresses("later").isEmpty());
        Map<String, List<String>> after = statuses();
        after.remove("later");
        assertThat(after).isEqualTo(before);
    }

    @Test
    void whatIsRefusedIsToldByAnEventOnce() {
        pool("a", "\"192.0.2.1/32\"");
        service("web", "\"ikat.dev/addresses\":\"203.0.113.1\"");
        service("bad", "\"ikat.dev/addresses\":\"x\"");
        start("one");

        until("there are events", () -> events().size() == 2);
        service("api", "");
        until("api has an address", () -> !addresses("api").isEmpty());
        assertThat(events())
                .containsExactlyInAnyOrder(
                        "web AddressNotInPool 203.0.113.1 is in no AddressPool in force; add it to one, or ask for"
                                + " another",
                        "bad InvalidRequest metadata.annotations[ikat.dev/addresses]: invalid IP address 'x'; write "
                                + "addresses with commas between them");
    }

    private List<String> events() {
        return server.objects().stream()
                .filter(object -> object.path("kind").asText().equals("Event"))
                .map(event -> event.path("involvedObject").path("name").asText() + " "
                        + event.path("reason").asText() + " "
                        + event.path("message").asText())
                .toList();
    }

    @Test
    void writeThatFailsIsTriedAgain() {
        pool("a", "\"192.0.2.1/32\"");
        service("web", "");
        server.refuse("services/web/status", 500, 2);
        start("one");

        until("web has an address", () -> addresses("web").equals(List.of("192.0.2.1")));
    }

    @Test
    void serviceThatChangedMeanwhileIsWrittenAsItIsThen() {
        pool("a", "\"192.0.2.1-192.0.2.9\"");
        service("web", "");
        server.refuse("services/web/status", 409, 1);
        start("one");
        until(
                "it was tried",
                () -> server.requests().stream().anyMatch(request -> request.contains("services/web/status")));

        service("web", "\"ikat.dev/addresses\":\"192.0.2.7\"");

        until("web has what it asks for now", () -> addresses("web").equals(List.of("192.0.2.7")));
    }

    @Test
    void poolThatMakesNoSenseIsToldSoAndNothingElseChanges() {
        pool("a", "\"192.0.2.0/28\"");
        pool("b", "\"198.51.100.0/28\"");
        service("web", "\"ikat.dev/address-pool\":\"b\"");
        start("one");
        until("web has an address", () -> addresses("web").equals(List.of("198.51.100.0")));

        pool("b", "\"192.0.2.8/29\"");
        until("b is refused", () -> condition("b").equals("False Overlap"));
        assertThat(status("b").path("conditions").path(0).path("message").asText())
                .contains("overlaps 192.0.2.0/28 of AddressPool a");
        pool("a", "\"192.0.2.9-192.0.2.1\"");
        until("a is refused", () -> condition("a").equals("False Invalid"));
        service("api", "");
        until("what was in force is", () -> addresses("api").equals(List.of("192.0.2.0")));
        assertThat(addresses("web")).containsExactly("198.51.100.0");
    }

    /** The figure that is promised: 10,000 services, and a second from a change to what follows from it. */
    @Test
    void oneChangeAmongTenThousandServicesIsQuick() {
        pool("a", "\"10.0.0.0/16\"");
        for (int i = 0; i < 10_000; i++) {
            server.put(SERVICES, "shop/s" + i, serviceText("s" + i, ""));
        }
        start("one");
        // The objects are not asked for, which takes the server long.
        Await.until(
                Duration.ofMinutes(3),
                () -> "each has an address: " + server.patches().size(),
                () -> server.patches().size() > 10_000);

        long begun = System.nanoTime();
        service("late", "");
        Await.until(
                Duration.ofSeconds(10),
                () -> "one more has one",
                () -> server.patches().stream().anyMatch(patch -> patch.contains("\"10.0.39.16\"")));
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(1));
    }
}
