package dev.ikat.agent.cni;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.agent.server.Reply;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.Verb;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class RequestHandlerTest {
    private static final CniRequest ADD =
            new CniRequest(Map.of("CNI_COMMAND", "ADD", "CNI_CONTAINERID", "c1"), new byte[0]);

    private final Metrics metrics = new Metrics();
    private final RecentErrors errors = new RecentErrors(Clock.systemUTC());

    private final Logger logger = (Logger) LoggerFactory.getLogger(RequestHandler.class);
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();

    @BeforeEach
    void listen() {
        log.start();
        logger.addAppender(log);
    }

    @AfterEach
    void endListening() {
        logger.detachAppender(log);
    }

    private CniResponse handle(CniRequest request, CniResponse answer) {
        StepTimer steps = new StepTimer(metrics, Optional.empty());
        Reply reply = new RequestHandler(
                        _ -> {
                            steps.reached(Verb.ADD, "lease");
                            steps.reached(Verb.ADD, "link");
                            return answer;
                        },
                        steps,
                        metrics,
                        errors)
                .apply(request);
        assertThat(log.list).as("nobody waits for the log").isEmpty();
        reply.sent().accept(Duration.ofMillis(3));
        return reply.response();
    }

    /** The line that was logged, without the steps' times, as level, event and pairs. */
    private String logged() {
        ILoggingEvent event = log.list.getFirst();
        return event.getLevel() + " " + event.getMessage() + " "
                + event.getKeyValuePairs().stream()
                        .map(pair -> pair.key + "=" + (pair.key.endsWith("-micros") ? "" : pair.value))
                        .collect(Collectors.joining(" "));
    }

    private static CniRequest request(String verb) {
        return new CniRequest(
                Map.of(
                        "CNI_COMMAND",
                        verb,
                        "CNI_CONTAINERID",
                        "c1",
                        "CNI_IFNAME",
                        "eth0",
                        "CNI_ARGS",
                        "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0"),
                new byte[0]);
    }

    @Test
    void addIsLoggedWithPodAddressesAndTheTimesOfItsSteps() {
        handle(
                request("ADD"),
                new CniResponse(
                        0,
                        "{\"ips\": [{\"address\": \"10.0.0.2/32\"}, {\"address\": \"fd00::2/128\"}]}".getBytes(UTF_8)));

        assertThat(logged())
                .isEqualTo("INFO answered verb=ADD container=c1 interface=eth0 pod=shop/web-0"
                        + " addresses=10.0.0.2/32,fd00::2/128 micros=3000 lease-micros= link-micros=");
    }

    @Test
    void refusedAddIsAWarningWithItsCause() {
        handle(
                request("ADD"),
                new CniResponse(
                        1,
                        "{\"code\": 11, \"msg\": \"try again later\", \"details\": \"no address is free\"}"
                                .getBytes(UTF_8),
                        Optional.of(CniError.TRY_AGAIN_LATER)));

        assertThat(logged())
                .isEqualTo("WARN refused verb=ADD container=c1 interface=eth0 pod=shop/web-0 code=11"
                        + " error=try again later: no address is free micros=3000 lease-micros= link-micros=");
    }

    @ParameterizedTest
    @ValueSource(strings = {"STATUS", "VERSION"})
    void whatRuntimesAskAllTheTimeIsNotLogged(String verb) {
        logger.setLevel(Level.INFO);
        try {
            handle(request(verb), new CniResponse(0, new byte[0]));
            handle(
                    request(verb),
                    new CniResponse(1, "{\"msg\": \"x\"}".getBytes(UTF_8), Optional.of(CniError.NOT_AVAILABLE)));
        } finally {
            logger.setLevel(null);
        }
        assertThat(log.list).isEmpty();
        assertThat(errors.entries()).as("who asks is told").hasSize(1);
    }

    private String metrics() throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        metrics.write(text);
        return text.toString(UTF_8);
    }

    @Test
    void answerIsThePluginsAndCounted() throws IOException {
        CniResponse answer = new CniResponse(0, "{}".getBytes(UTF_8));
        assertThat(handle(ADD, answer)).isSameAs(answer);
        assertThat(metrics()).contains("ikat_cni_requests_total{code=\"0\",verb=\"ADD\"} 1.0");
        assertThat(errors.entries()).isEmpty();
    }

    @Test
    void refusalIsKeptForWhoAsksInOneLine() throws IOException {
        handle(ADD, new CniResponse(1, "{\n  \"code\": 11\n}".getBytes(UTF_8), Optional.of(CniError.TRY_AGAIN_LATER)));
        assertThat(metrics()).contains("ikat_cni_requests_total{code=\"11\",verb=\"ADD\"} 1.0");
        assertThat(errors.entries()).singleElement().satisfies(error -> {
            assertThat(error.what()).isEqualTo("ADD c1");
            assertThat(error.message()).isEqualTo("{ \"code\": 11 }");
        });
    }

    @Test
    void verbThatIsNoneIsCountedAsUnknown() throws IOException {
        handle(new CniRequest(Map.of("CNI_COMMAND", "MOVE"), new byte[0]), new CniResponse(1, new byte[0]));
        assertThat(metrics()).contains("ikat_cni_requests_total{code=\"0\",verb=\"unknown\"} 1.0");
    }
}
