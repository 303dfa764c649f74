package dev.ikat.bench.micro;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.LoggingEvent;
import dev.ikat.agent.log.JsonLogEncoder;
import dev.ikat.agent.log.TextLogEncoder;
import java.time.Instant;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.slf4j.LoggerFactory;
import org.slf4j.event.KeyValuePair;

/** The line that the agent logs for each request, compared with Logback's own encoders, which do not escape values. */
@State(Scope.Benchmark)
public class LogLineBenchmark {
    private final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    private final TextLogEncoder text = new TextLogEncoder();
    private final JsonLogEncoder json = new JsonLogEncoder();
    private final PatternLayoutEncoder logbackText = new PatternLayoutEncoder();
    private final JsonEncoder logbackJson = new JsonEncoder();

    /** Configures Logback's encoders to write the same fields. */
    @Setup
    public void configure() {
        logbackText.setContext(context);
        logbackText.setPattern(
                "time=%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} level=%level logger=%logger{0} event=%msg %kvp{NONE}%n");
        logbackText.start();
        logbackJson.setContext(context);
        logbackJson.start();
    }

    /** A new one each time: an event remembers its formatted message. */
    private LoggingEvent event() {
        LoggingEvent event = new LoggingEvent(
                "", context.getLogger("dev.ikat.agent.server.CniServer"), Level.INFO, "answered", null, new Object[0]);
        event.addKeyValuePair(new KeyValuePair("verb", "ADD"));
        event.addKeyValuePair(new KeyValuePair("container", "6b1d0a5e9f0e4a578f0c2f4c3c1f3f10"));
        event.addKeyValuePair(new KeyValuePair("interface", "eth0"));
        event.addKeyValuePair(new KeyValuePair("exit", 0));
        event.addKeyValuePair(new KeyValuePair("micros", 1834));
        event.setInstant(Instant.parse("2026-01-02T03:04:05.678Z"));
        return event;
    }

    @Benchmark
    @Row(value = "a log line is written as text", beside = "Logback's pattern", peer = "textByLogback")
    public byte[] asText() {
        return text.encode(event());
    }

    @Benchmark
    public byte[] textByLogback() {
        return logbackText.encode(event());
    }

    @Benchmark
    @Row(value = "a log line is written as JSON", beside = "Logback's JSON encoder", peer = "jsonByLogback")
    public byte[] asJson() {
        return json.encode(event());
    }

    @Benchmark
    public byte[] jsonByLogback() {
        return logbackJson.encode(event());
    }
}
