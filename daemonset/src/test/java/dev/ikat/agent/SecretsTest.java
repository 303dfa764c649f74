package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.kubernetes.ApiAddress;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.kubernetes.KubernetesSource;
import dev.ikat.testbed.host.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What the agent authenticates itself with is nowhere to be read, however much is logged and whatever goes wrong. */
class SecretsTest {
    private static final String TOKEN = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2lnbmF0dXJl";
    private static final String NODES = "/api/v1/nodes";

    @TempDir
    private Path directory;

    private final List<String> log = new CopyOnWriteArrayList<>();
    private final Metrics metrics = new Metrics();
    private final ApiTestServer server = ApiTestServer.start(0);
    private final Logger root =
            ((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final Level before = root.getLevel();
    private final AppenderBase<ILoggingEvent> everything = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            log.add(event.getLevel() + " " + event.getLoggerName() + " " + event.getFormattedMessage() + " "
                    + event.getKeyValuePairs() + event.getMDCPropertyMap()
                    + (event.getThrowableProxy() == null
                            ? ""
                            : ThrowableProxyUtil.asString(event.getThrowableProxy())));
        }
    };

    @BeforeEach
    void listen() {
        everything.setContext(root.getLoggerContext());
        everything.start();
        root.addAppender(everything);
        root.setLevel(Level.TRACE);
    }

    @AfterEach
    void stop() {
        root.setLevel(before);
        root.detachAppender(everything);
        server.close();
    }

    private static void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(10), () -> what, condition);
    }

    @Test
    void bearerTokenIsInNeitherLogNorStatusNorMetricsNorPrintedConfiguration() throws Exception {
        server.demand(TOKEN);
        server.put(NODES, "a", "{\"metadata\":{\"name\":\"a\"}}");
        Path kubeconfig = server.kubeconfig(directory.resolve("config"));
        AtomicInteger changes = new AtomicInteger();
        String faults = "";
        try (KubernetesSource source = KubernetesSource.open(
                ApiAddress.parse(kubeconfig.toString()),
                ApiKinds.NETWORKING,
                directory.resolve("state"),
                metrics.registry())) {
            source.start(_ -> changes.incrementAndGet());
            until("it is let in by the token", () -> changes.get() == 1);
            source.networkWorks("a");
            until("it says so", () -> !server.patches().isEmpty());
            server.put(NODES, "b", "{\"metadata\":{\"name\":\"b\",\"creationTimestamp\":\"2026-01-02T03:04:05Z\"}}");
            until("it hears events", () -> changes.get() == 2);

            server.demand("another");
            server.breakWatches();
            until("it is refused", () -> source.faults().toString().contains("401"));
            faults += source.faults();
            server.close();
            until("the API is gone", () -> source.faults().toString().contains("ConnectException"));
            faults += source.faults();
        }

        assertThat(LoggerFactory.getLogger("io.fabric8.kubernetes.client").isTraceEnabled())
                .isTrue();
        assertThat(log).anyMatch(line -> line.contains("api-disconnected"));
        Stream.concat(log.stream(), Stream.of(faults, scrape(), printedConfiguration(kubeconfig)))
                .forEach(text -> assertThat(text).doesNotContain(TOKEN));
    }

    private String scrape() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        metrics.write(out);
        assertThat(out.toString(UTF_8)).contains("ikat_api_event_lag_seconds");
        return out.toString(UTF_8);
    }

    private static String printedConfiguration(Path kubeconfig) {
        StringWriter out = new StringWriter();
        assertThat(AgentMain.commandLine()
                        .setOut(new PrintWriter(out))
                        .execute("--print-config", "--node-name=a", "--kubeconfig=" + kubeconfig))
                .isZero();
        assertThat(out.toString()).contains("kubeconfig: " + kubeconfig);
        return out.toString();
    }
}
