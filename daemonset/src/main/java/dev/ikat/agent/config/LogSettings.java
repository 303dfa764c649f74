package dev.ikat.agent.config;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import dev.ikat.agent.log.JsonLogEncoder;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * How the agent's events are logged, on standard error.
 *
 * @param format the format of a line
 * @param level the least severe level that is logged
 */
public record LogSettings(Format format, Level level) {
    private static final String APPENDER = "stderr";

    /** How a line is written. */
    public enum Format {
        /** As {@code key=value}, to be read by people first. */
        TEXT,
        /** As {@link JsonLogEncoder} does. */
        JSON
    }

    /** Applies these settings from now on. */
    public void apply() {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(ch.qos.logback.classic.Level.convertAnSLF4JLevel(level));
        if (format == Format.JSON && root.getAppender(APPENDER) instanceof OutputStreamAppender<ILoggingEvent> stderr) {
            JsonLogEncoder encoder = new JsonLogEncoder();
            encoder.setContext(context);
            encoder.start();
            stderr.setEncoder(encoder);
        }
    }
}
