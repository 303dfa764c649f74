package dev.ikat.agent.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Set;
import org.slf4j.event.KeyValuePair;

/**
 * Writes each event as {@code key=value}, for people and machines, whatever it contains. A library's message is the
 * value of {@code message}; an exception's stack trace is one more value.
 */
public final class TextLogEncoder extends LineEncoder {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX");

    /**
     * The values of these keys are sentences: they are always in quotation marks, also those of one word, so that
     * whoever searches the log needs one pattern only.
     */
    private static final Set<String> SENTENCES =
            Set.of("advice", "change", "error", "fault", "flow", "ignored", "progress", "reason", "verdict");

    /** The constructor that logback calls. */
    public TextLogEncoder() {}

    @Override
    String line(ILoggingEvent event) {
        String message = message(event);
        StringBuilder line = new StringBuilder(160);
        line.append("time=")
                .append(TIME.format(event.getInstant().atZone(ZoneId.systemDefault())))
                .append(" level=")
                .append(event.getLevel())
                .append(" logger=")
                .append(logger(event))
                .append(
                        isNamed(event)
                                ? " event=" + Printable.value(message)
                                : " event=" + LIBRARY + " message=" + Printable.quoted(message));
        for (KeyValuePair pair : pairs(event)) {
            String text = text(pair);
            line.append(' ')
                    .append(Printable.value(pair.key))
                    .append('=')
                    .append(SENTENCES.contains(pair.key) ? Printable.quoted(text) : Printable.value(text));
        }
        if (event.getThrowableProxy() != null) {
            line.append(" exception=").append(Printable.quoted(stack(event)));
        }
        return line.append('\n').toString();
    }
}
