package dev.ikat.agent.config;

import dev.ikat.agent.config.Configuration.Given;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Turns what an operator said into values, and gathers all that is wrong with it, each fault with its place. */
final class OptionReader {
    private final Configuration configuration;
    private final List<String> faults;

    OptionReader(Configuration configuration) {
        this.configuration = configuration;
        this.faults = new ArrayList<>(configuration.faults());
    }

    /** What is wrong, a line each. */
    List<String> faults() {
        return List.copyOf(faults);
    }

    /** A setting that has to be there is not; it may be in a file that could not be read, whose fault is enough. */
    void missing(String line) {
        if (!configuration.isFileUnreadable()) {
            faults.add(line);
        }
    }

    void fault(Setting setting, String reason) {
        faults.add(configuration.given(setting).map(Given::place).orElse(setting.option()) + ": " + reason);
    }

    /** Whether anything was said, be it wrong. */
    boolean isGiven(Setting setting) {
        return configuration
                .given(setting)
                .filter(said -> said.faulty() || !said.text().isEmpty())
                .isPresent();
    }

    /** The text; empty for none. */
    String text(Setting setting) {
        return configuration.text(setting);
    }

    Optional<String> optional(Setting setting) {
        return Optional.of(text(setting)).filter(text -> !text.isEmpty());
    }

    List<String> list(Setting setting) {
        return Configuration.elements(text(setting));
    }

    /** A whole number; a fault where it is not in the range. */
    int number(Setting setting, int least, int greatest) {
        String text = text(setting);
        try {
            int value = Integer.parseInt(text);
            if (value < least || value > greatest) {
                fault(setting, value + " is invalid: it has to be " + least + " to " + greatest);
            }
            return value;
        } catch (NumberFormatException e) {
            fault(setting, "'" + text + "' is invalid: it has to be a whole number from " + least + " to " + greatest);
            return least;
        }
    }

    boolean truth(Setting setting) {
        String text = text(setting);
        if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
            fault(setting, "'" + text + "' is invalid: it has to be true or false");
        }
        return Boolean.parseBoolean(text);
    }

    Duration duration(Setting setting) {
        return parse(
                setting,
                Duration.ofSeconds(1),
                OptionReader::duration,
                "is invalid: it has to be a duration such as " + setting.otherwise());
    }

    /** The value, or {@code otherwise} and one more fault, in these words or in those of the parser. */
    <T> T parse(Setting setting, T otherwise, Function<String, T> parser, String words) {
        String text = text(setting);
        try {
            return parser.apply(text);
        } catch (IllegalArgumentException | DateTimeParseException e) {
            fault(setting, words.isEmpty() ? String.valueOf(e.getMessage()) : "'" + text + "' " + words);
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

    static InetSocketAddress socketAddress(String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? "" : text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        }
        String port = text.substring(colon + 1);
        if (host.isEmpty() || !port.matches("[0-9]{1,5}") || Integer.parseInt(port) > 65535) {
            throw new IllegalArgumentException("'" + text
                    + "' is invalid: it has to be ADDRESS:PORT, as in 127.0.0.1:9474 or [::1]:9474, node:PORT for the "
                    + "node's addresses, or 0");
        }
        return new InetSocketAddress(InetAddress.ofLiteral(host), Integer.parseInt(port));
    }
}
