package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.joran.spi.JoranException;
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
                        + " exception=\"java.lang.IllegalArgumentException: outer | at dev.ikat.agent.TextLogTest.")
                .contains(" | Caused by: java.lang.IllegalStateException: inner | event=forged level=ERROR | at ")
                .endsWith("\"");
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
