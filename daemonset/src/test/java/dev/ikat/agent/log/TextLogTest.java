package dev.ikat.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.joran.spi.JoranException;
import dev.ikat.agent.AgentMain;
import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.AgentOptionsReader;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The agent's log as logback.xml has it. */
class TextLogTest {
    private final LoggerContext context = new LoggerContext();
    private OutputStreamAppender<ILoggingEvent> stderr;

    @BeforeEach
    @SuppressWarnings("unchecked")
    void configure() throws JoranException {
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(context);
        configurator.doConfigure(TextLogTest.class.getResource("/logback.xml"));
        stderr = (OutputStreamAppender<ILoggingEvent>)
                context.getLogger(Logger.ROOT_LOGGER_NAME).getAppender("stderr");
    }

    @AfterEach
    void stop() {
        context.stop();
    }

    private String line(@Nullable Throwable thrown, String message, Object... values) {
        LoggingEvent event =
                new LoggingEvent("", context.getLogger("dev.ikat.agent.Agent"), Level.WARN, message, thrown, values);
        event.setInstant(Instant.parse("2026-01-02T03:04:05.678Z"));
        String line = new String(stderr.getEncoder().encode(event), UTF_8);
        assertThat(line).endsWith("\n").containsOnlyOnce("\n").doesNotContain("\r");
        return line.strip().replaceFirst("^time=2026-01-0[123]T[0-9]{2}:[0-9]{2}:05[.]678[^ ]* ", "");
    }

    @Test
    void eventIsItsKeysAndNothingElse() {
        assertThat(line(null, "event=ready after-ms={} name=\"{}\"", 396, "a b"))
                .isEqualTo("level=WARN logger=Agent event=ready after-ms=396 name=\"a b\"");
    }

    @Test
    void lineBreaksOfAMessageMakeNoLines() {
        assertThat(line(null, "event=refused error=\"{}\"", "first\n  second\r\n\r\nthird\n"))
                .isEqualTo("level=WARN logger=Agent event=refused error=\"first | second | third\"");
    }

    @Test
    void exceptionIsAValueOnTheSameLine() {
        IllegalStateException cause = new IllegalStateException("inner\nevent=forged level=ERROR");
        String line = line(new IllegalArgumentException("outer", cause), "event=failed error=\"{}\"", "outer");

        assertThat(line)
                .startsWith("level=WARN logger=Agent event=failed error=\"outer\""
                        + " exception=\"java.lang.IllegalArgumentException: outer | at dev.ikat.agent.log.TextLogTest.")
                .contains(" | Caused by: java.lang.IllegalStateException: inner | event=forged level=ERROR | at ")
                .endsWith("\"");
    }

    /** What a runtime's arguments, or an object's name in a manifest, may hold. */
    @Test
    void noValuePassesForAnythingElse() {
        String forged = "c1 event=forged\u001b[2J\u0000\u2028\u202e\u0085\" level=ERROR\\";

        assertThat(line(null, "event=answered container={} exit={} error=\"{}\"", forged, 0, forged))
                .isEqualTo("level=WARN logger=Agent event=answered"
                        + " container=\"c1 event=forged\\u001b[2J\\u0000\\u2028\\u202e\\u0085\\\" level=ERROR\\\\\""
                        + " exit=0"
                        + " error=\"c1 event=forged\\u001b[2J\\u0000\\u2028\\u202e\\u0085\\\" level=ERROR\\\\\"");
        assertThat(line(null, "words {} and more", "\u001b[31mred\nevent=forged"))
                .isEqualTo("level=WARN logger=Agent words \"\\u001b[31mred | event=forged\" and more");
        assertThat(line(new IllegalStateException("\u001b]0;title\u0007\" a=b"), "event=failed"))
                .contains("exception=\"java.lang.IllegalStateException: \\u001b]0;title\\u0007\\\" a=b | at ");
    }

    private record Drop(String peer) {
        @Override
        public String toString() {
            return "drop=ingress peer=" + peer + " protocol=TCP/80";
        }
    }

    @Test
    void valueOfSeveralArgumentsIsOneValue() {
        assertThat(line(null, "event=listening socket={}/{} empty={}", "/run/a b", "agent.sock", ""))
                .isEqualTo("level=WARN logger=Agent event=listening socket=\"/run/a b/agent.sock\" empty=\"\"");
        assertThat(line(null, "event=policy-drop {}", new Drop("10.0.0.1 (a/b)")))
                .isEqualTo("level=WARN logger=Agent event=policy-drop drop=ingress peer=\"10.0.0.1 (a/b)\""
                        + " protocol=TCP/80");
        assertThat(line(null, "event=stop-incomplete reason=\"ran after {}\" name=ü", "6 s"))
                .isEqualTo("level=WARN logger=Agent event=stop-incomplete reason=\"ran after 6 s\" name=ü");
    }

    @Test
    void levelSaysWhatIsLeftOut() {
        LoggerContext agents = (LoggerContext) LoggerFactory.getILoggerFactory();
        ch.qos.logback.classic.Logger root = agents.getLogger(Logger.ROOT_LOGGER_NAME);
        Level before = root.getLevel();
        Logger log = LoggerFactory.getLogger("dev.ikat.agent.Agent");
        try {
            for (String level : new String[] {"debug", "info", "warn", "error"}) {
                options(level).log().apply();

                assertThat(Map.of(
                                "debug", log.isDebugEnabled(),
                                "info", log.isInfoEnabled(),
                                "warn", log.isWarnEnabled(),
                                "error", log.isErrorEnabled()))
                        .as("log-level: %s", level)
                        .isEqualTo(Map.of(
                                "debug",
                                level.equals("debug"),
                                "info",
                                !level.equals("warn") && !level.equals("error"),
                                "warn",
                                !level.equals("error"),
                                "error",
                                true));
            }
        } finally {
            root.setLevel(before);
        }
    }

    private static AgentOptions options(String level) {
        return AgentOptionsReader.read(AgentMain.configuration(
                AgentMain.commandLine().parseArgs("--node-name=a", "--manifests=.", "--log-level=" + level), Map.of()));
    }
}
