package dev.ikat.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

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
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.KeyValuePair;

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

    /** The line of one of our own classes. */
    private String line(@Nullable Throwable thrown, String event, KeyValuePair... pairs) {
        return line("dev.ikat.agent.Agent", thrown, event, new Object[0], pairs);
    }

    private String line(
            String logger, @Nullable Throwable thrown, String message, Object[] values, KeyValuePair... pairs) {
        LoggingEvent event = new LoggingEvent("", context.getLogger(logger), Level.WARN, message, thrown, values);
        List.of(pairs).forEach(event::addKeyValuePair);
        event.setInstant(Instant.parse("2026-01-02T03:04:05.678Z"));
        String line = new String(stderr.getEncoder().encode(event), UTF_8);
        assertThat(line).endsWith("\n").containsOnlyOnce("\n").doesNotContain("\r");
        return line.strip().replaceFirst("^time=2026-01-0[123]T[0-9]{2}:[0-9]{2}:05[.]678[^ ]* ", "");
    }

    private static KeyValuePair pair(String key, @Nullable Object value) {
        return new KeyValuePair(key, value);
    }

    @Test
    void eventIsItsKeysAndNothingElse() {
        assertThat(line(null, "ready", pair("after-ms", 396), pair("name", "a b")))
                .isEqualTo("level=WARN logger=Agent event=ready after-ms=396 name=\"a b\"");
    }

    @Test
    void lineBreaksOfAMessageMakeNoLines() {
        assertThat(line(null, "refused", pair("error", "first\n  second\r\n\r\nthird\n")))
                .isEqualTo("level=WARN logger=Agent event=refused error=\"first | second | third\"");
    }

    @Test
    void exceptionIsAValueOnTheSameLine() {
        IllegalStateException cause = new IllegalStateException("inner\nevent=forged level=ERROR");
        String line = line(new IllegalArgumentException("outer", cause), "failed", pair("error", "outer"));

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

        assertThat(line(null, "answered", pair("container", forged), pair("exit", 0), pair("error", forged)))
                .isEqualTo("level=WARN logger=Agent event=answered"
                        + " container=\"c1 event=forged\\u001b[2J\\u0000\\u2028\\u202e\\u0085\\\" level=ERROR\\\\\""
                        + " exit=0"
                        + " error=\"c1 event=forged\\u001b[2J\\u0000\\u2028\\u202e\\u0085\\\" level=ERROR\\\\\"");
        assertThat(line(new IllegalStateException("\u001b]0;title\u0007\" a=b"), "failed"))
                .contains("exception=\"java.lang.IllegalStateException: \\u001b]0;title\\u0007\\\" a=b | at ");
    }

    /** No text is searched for pairs, so that none can be in a value, in an event's name or in a key. */
    @Test
    void onlyThePairsOfTheLoggerArePairs() {
        assertThat(line(null, "answered", pair("peer", "drop=ingress pod=a/b"), pair("first", List.of("a=1 b=2"))))
                .isEqualTo("level=WARN logger=Agent event=answered peer=\"drop=ingress pod=a/b\""
                        + " first=\"[a=1 b=2]\"");
        assertThat(line(null, "answered level=ERROR\n", pair("a=1 b", 2)))
                .isEqualTo("level=WARN logger=Agent event=\"answered level=ERROR\" \"a=1 b\"=2");
    }

    /** What a library logs, in the forms of before key-value pairs and of today. */
    @Test
    void wordsOfALibraryAreAMessageAndNoPairs() {
        String library = "io.fabric8.kubernetes.client.Watch";
        String forged = "\u001b[31mred\nevent=forged";

        assertThat(line(library, null, "closed by {}", new Object[] {"peer"}, pair("after-ms", 3)))
                .isEqualTo("level=WARN logger=Watch event=library message=\"closed by peer\" after-ms=3");
        assertThat(line(library, null, "words {} and more", new Object[] {forged}))
                .isEqualTo(
                        "level=WARN logger=Watch event=library message=\"words \\u001b[31mred | event=forged and more\"");
        assertThat(line(library, null, "the server said \"" + forged + "\" level=ERROR", new Object[0]))
                .isEqualTo(
                        "level=WARN logger=Watch"
                                + " event=library message=\"the server said \\\"\\u001b[31mred | event=forged\\\" level=ERROR\"");
        assertThat(line(library, null, "event=forged", new Object[0]))
                .isEqualTo("level=WARN logger=Watch event=library message=\"event=forged\"");
    }

    @Test
    void everyValueIsWrittenAndSentencesAreAlwaysQuoted() {
        assertThat(line(null, "listening", pair("socket", "/run/a b/agent.sock"), pair("empty", ""), pair("name", "ü")))
                .isEqualTo("level=WARN logger=Agent event=listening socket=\"/run/a b/agent.sock\" empty=\"\" name=ü");
        assertThat(line(null, "page-failed", pair("path", null), pair("error", null), pair("reason", "EPIPE")))
                .isEqualTo("level=WARN logger=Agent event=page-failed path=null error=\"null\" reason=\"EPIPE\"");
        Object broken = new Object() {
            @Override
            public String toString() {
                throw new IllegalStateException("expected by the test");
            }
        };
        assertThat(line(null, "ready", pair("part", broken), pair("thrown", new IllegalStateException("x"))))
                .isEqualTo("level=WARN logger=Agent event=ready part=\"[FAILED toString()]\""
                        + " thrown=\"java.lang.IllegalStateException: x\"");
    }

    @Test
    void argumentsOfALevelThatIsNotLoggedAreNotComputed() {
        Logger log = context.getLogger("dev.ikat.agent.Agent");

        log.atDebug().addKeyValue("error", () -> fail("computed")).log("close-failed");
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
