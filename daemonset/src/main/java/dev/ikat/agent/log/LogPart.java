package dev.ikat.agent.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.helpers.MessageFormatter;

/**
 * A part of a log message: {@code key=value}, or words beside such pairs. It is told from the message's pattern where a
 * value begins and ends, so that no value, whatever is in it, can pass for another key or a line of its own.
 *
 * @param key empty for words
 * @param text the value or the words, as they were given
 * @param quoted whether the pattern has the value in quotation marks
 */
record LogPart(String key, String text, boolean quoted) {
    private static final String KEY = "[a-z][a-z0-9-]*";
    private static final Pattern IN_PATTERN =
            Pattern.compile("(?<key>" + KEY + ")=(?:\"(?<quoted>[^\"]*)\"|(?<plain>\\S*))|(?<word>\\S+)");
    /** Of an argument that has pairs of its own; a value ends where the next key begins. */
    private static final Pattern IN_ARGUMENT = Pattern.compile(
            "(?:^|\\s)(?<key>" + KEY + ")=(?:\"(?<quoted>.*?)\"|(?<plain>.*?))(?=\\s+" + KEY + "=|\\s*$)",
            Pattern.DOTALL);

    private static final String PLACE = "{}";

    /** The parts of an event's message, in their order. */
    static List<LogPart> of(ILoggingEvent event) {
        List<LogPart> parts = new ArrayList<>();
        Object[] arguments = event.getArgumentArray();
        int used = 0;
        Matcher matcher = IN_PATTERN.matcher(event.getMessage());
        while (matcher.find()) {
            String key = matcher.group("key");
            String pattern = firstOf(matcher.group("quoted"), matcher.group("plain"), matcher.group("word"));
            int places = places(pattern);
            String text = filled(pattern, arguments, used, places);
            boolean own = pattern.equals(PLACE) && isOwnType(arguments, used);
            used += places;
            if (key != null) {
                parts.add(new LogPart(key, text, matcher.group("quoted") != null));
            } else if (own) {
                split(text, parts);
            } else {
                parts.add(new LogPart("", text, false));
            }
        }
        return parts;
    }

    /** Whether the argument is no mere text, which may be anybody's, but something that writes itself as pairs. */
    private static boolean isOwnType(Object @Nullable [] arguments, int index) {
        return arguments != null && index < arguments.length && !(arguments[index] instanceof String);
    }

    private static String firstOf(@Nullable String... texts) {
        for (String text : texts) {
            if (text != null) {
                return text;
            }
        }
        return "";
    }

    private static int places(String pattern) {
        int places = 0;
        for (int at = pattern.indexOf(PLACE); at >= 0; at = pattern.indexOf(PLACE, at + PLACE.length())) {
            places++;
        }
        return places;
    }

    private static String filled(String pattern, Object @Nullable [] arguments, int from, int places) {
        if (places == 0 || arguments == null || from >= arguments.length) {
            return pattern;
        }
        Object[] own = new Object[Math.min(places, arguments.length - from)];
        System.arraycopy(arguments, from, own, 0, own.length);
        return String.valueOf(MessageFormatter.arrayFormat(pattern, own).getMessage());
    }

    private static void split(String argument, List<LogPart> parts) {
        Matcher pair = IN_ARGUMENT.matcher(argument);
        int words = argument.length();
        int before = parts.size();
        while (pair.find()) {
            words = Math.min(words, pair.start());
            String quoted = pair.group("quoted");
            parts.add(new LogPart(
                    pair.group("key"), quoted == null ? String.valueOf(pair.group("plain")) : quoted, quoted != null));
        }
        if (words > 0) {
            parts.add(before, new LogPart("", argument.substring(0, words), false));
        }
    }

    /** The part as a line of text has it. */
    String printable() {
        if (key.isEmpty()) {
            return text.indexOf('=') < 0 ? Printable.line(text) : Printable.quoted(text);
        }
        return key + "=" + (quoted ? Printable.quoted(text) : Printable.value(text));
    }
}
