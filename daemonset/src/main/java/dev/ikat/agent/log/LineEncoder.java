package dev.ikat.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import java.util.List;
import org.slf4j.event.KeyValuePair;
import org.slf4j.helpers.MessageFormatter;

/**
 * Writes each event on a line of its own. What Ikat's own classes log is the name of an event and its key-value pairs;
 * what a library logs is words, and its event is {@value #LIBRARY}. Keys and values come apart from the logger, so that
 * nothing here has to tell from a text where a value ends, and no value can pass for another key.
 */
abstract class LineEncoder extends EncoderBase<ILoggingEvent> {
    private static final String OWN = "dev.ikat.";
    /** The event of a library's message, so that every line has one. */
    static final String LIBRARY = "library";

    @Override
    public final byte[] headerBytes() {
        return new byte[0];
    }

    @Override
    public final byte[] footerBytes() {
        return new byte[0];
    }

    @Override
    public final byte[] encode(ILoggingEvent event) {
        return line(event).getBytes(UTF_8);
    }

    /** The event's line, with its end. */
    abstract String line(ILoggingEvent event);

    /** Whether the message is an event's name. Otherwise it is words, which may hold anything. */
    static boolean isNamed(ILoggingEvent event) {
        return event.getLoggerName().startsWith(OWN);
    }

    static String message(ILoggingEvent event) {
        return String.valueOf(event.getFormattedMessage());
    }

    /** The simple name of the class that logs. */
    static String logger(ILoggingEvent event) {
        String name = event.getLoggerName();
        return name.substring(name.lastIndexOf('.') + 1);
    }

    static List<KeyValuePair> pairs(ILoggingEvent event) {
        List<KeyValuePair> pairs = event.getKeyValuePairs();
        return pairs == null ? List.of() : pairs;
    }

    /** A value as text, also one whose {@code toString} fails. */
    static String text(KeyValuePair pair) {
        return pair.value instanceof String text
                ? text
                : MessageFormatter.basicArrayFormat("{}", new Object[] {pair.value});
    }

    /** An exception with its stack trace and its causes. */
    static String stack(ILoggingEvent event) {
        return ThrowableProxyUtil.asString(event.getThrowableProxy());
    }
}
