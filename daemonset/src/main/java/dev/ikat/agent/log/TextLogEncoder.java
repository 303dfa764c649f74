package dev.ikat.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/**
 * Writes each event as {@code key=value} on a line of its own, to be read by people and by machines, whatever is in it:
 * the parts of its message, and of an exception the stack as one more value.
 */
public final class TextLogEncoder extends EncoderBase<ILoggingEvent> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX");

    /** As logback makes it. */
    public TextLogEncoder() {}

    @Override
    public byte[] headerBytes() {
        return new byte[0];
    }

    @Override
    public byte[] footerBytes() {
        return new byte[0];
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        String name = event.getLoggerName();
        StringBuilder line = new StringBuilder(160);
        line.append("time=")
                .append(TIME.format(event.getInstant().atZone(ZoneId.systemDefault())))
                .append(" level=")
                .append(event.getLevel())
                .append(" logger=")
                .append(name.substring(name.lastIndexOf('.') + 1));
        LogPart.of(event).forEach(part -> line.append(' ').append(part.printable()));
        if (event.getThrowableProxy() != null) {
            line.append(" exception=").append(Printable.quoted(ThrowableProxyUtil.asString(event.getThrowableProxy())));
        }
        return line.append('\n').toString().getBytes(UTF_8);
    }
}
