package dev.ikat.agent;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Turns the words of a command line into values, and gathers all that is wrong with them. */
final class OptionReader {
    private final List<String> faults = new ArrayList<>();

    /** What is wrong, a line each. */
    List<String> faults() {
        return List.copyOf(faults);
    }

    void fault(String line) {
        faults.add(line);
    }

    /** A fault where the value is not in the range. */
    void range(String option, int value, int least, int greatest) {
        if (value < least || value > greatest) {
            fault(option + ": " + value + " is not " + least + " to " + greatest);
        }
    }

    /** The value, or {@code otherwise} and one more fault, in these words or in those of the parser. */
    <T> T parse(String option, String text, T otherwise, Function<String, T> parser, String words) {
        try {
            return parser.apply(text);
        } catch (IllegalArgumentException | DateTimeParseException e) {
            fault(option + ": " + (words.isEmpty() ? e.getMessage() : "'" + text + "' " + words));
            return otherwise;
        }
    }

    static Duration duration(String text) {
        if (text.matches("[0-9]{1,9}(ms|s|m)")) {
            String unit = text.replaceAll("[0-9]", "");
            long value = Long.parseLong(text.substring(0, text.length() - unit.length()));
            Duration duration = unit.equals("ms")
                    ? Duration.ofMillis(value)
                    : unit.equals("s") ? Duration.ofSeconds(value) : Duration.ofMinutes(value);
            if (duration.isPositive()) {
                return duration;
            }
        } else if (text.startsWith("P") && Duration.parse(text).isPositive()) {
            return Duration.parse(text);
        }
        throw new IllegalArgumentException(text);
    }

    static Optional<InetSocketAddress> socketAddress(String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? "" : text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        }
        String port = text.substring(colon + 1);
        if (host.isEmpty() || !port.matches("[0-9]{1,5}") || Integer.parseInt(port) > 65535) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not ADDRESS:PORT, as in 127.0.0.1:9474 or [::1]:9474, nor 0");
        }
        return Optional.of(new InetSocketAddress(InetAddress.ofLiteral(host), Integer.parseInt(port)));
    }
}
