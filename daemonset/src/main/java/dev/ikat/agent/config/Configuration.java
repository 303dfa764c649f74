package dev.ikat.agent.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The values that the operator gave, and where: for each setting that of the command line, or else of the environment,
 * or else of the file. {@link AgentOptionsReader} checks whether the values are valid.
 */
public final class Configuration {
    private static final String PLAIN = "[A-Za-z/][A-Za-z0-9/._-]*";
    private static final String NO_TEXT = "(?i)true|false|null";

    private final Map<Setting, Given> given = new EnumMap<>(Setting.class);
    private final List<String> faults = new ArrayList<>();
    private boolean unreadableFile;

    /**
     * One value as it was said.
     *
     * @param text the value; of a list its elements with commas between them
     * @param place where it was said, as a fault's line begins
     * @param faulty whether it is no value of the setting's kind, which then is among the faults already
     */
    record Given(String text, String place, boolean faulty) {}

    private Configuration() {}

    /**
     * Collects the values.
     *
     * @param commandLine the given options
     * @param environment the process's environment variables; an empty one counts as not set
     * @param file a file of settings
     */
    public static Configuration of(
            Map<Setting, String> commandLine, Map<String, String> environment, Optional<Path> file) {
        Configuration configuration = new Configuration();
        file.ifPresent(path -> {
            ConfigurationFile read = ConfigurationFile.read(path);
            configuration.given.putAll(read.given());
            configuration.faults.addAll(read.faults());
            configuration.unreadableFile = read.isUnreadable();
        });
        configuration.faults.addAll(EnvironmentNames.faults(environment));
        for (Setting setting : Setting.values()) {
            setting.variables().stream()
                    .filter(variable -> !environment.getOrDefault(variable, "").isBlank())
                    .findFirst()
                    .ifPresent(variable -> configuration.override(
                            setting, environment.getOrDefault(variable, "").strip(), variable));
        }
        commandLine.forEach((setting, text) -> configuration.override(setting, text.strip(), setting.option()));
        return configuration;
    }

    private void override(Setting setting, String text, String place) {
        given.put(setting, new Given(text, place, false));
    }

    /** The errors in the file, and the unknown variables, one line for each. */
    public List<String> faults() {
        return List.copyOf(faults);
    }

    /** Whether a file was named of which nobody knows what it sets. */
    boolean isFileUnreadable() {
        return unreadableFile;
    }

    /** What was said; empty if nothing was. */
    Optional<Given> given(Setting setting) {
        return Optional.ofNullable(given.get(setting));
    }

    /** The given value, or the default; the empty text if there is neither. */
    public String text(Setting setting) {
        return given(setting).filter(said -> !said.faulty()).map(Given::text).orElse(setting.otherwise());
    }

    /** All settings as a file with the same meaning, and the place that each value comes from. */
    public String toYaml() {
        return Setting.documented().stream()
                .map(setting -> {
                    String text = text(setting);
                    return text.isEmpty() && setting.kind() != Setting.Kind.LIST
                            ? "# " + setting.key() + " is not set\n"
                            : setting.key() + ": " + yaml(setting.kind(), text) + " # "
                                    + given(setting).map(Given::place).orElse("default") + "\n";
                })
                .collect(Collectors.joining());
    }

    private static String yaml(Setting.Kind kind, String text) {
        return switch (kind) {
            case NUMBER, TRUTH -> text;
            case NUMBER_OR_TEXT -> text.matches("[0-9]+") ? text : quoted(text);
            case TRUTH_OR_TEXT -> text.matches(NO_TEXT) ? text : quoted(text);
            case TEXT -> quoted(text);
            case LIST -> elements(text).stream().map(Configuration::quoted).collect(Collectors.joining(", ", "[", "]"));
        };
    }

    private static String quoted(String text) {
        return text.matches(PLAIN) && !text.matches(NO_TEXT) ? text : "'" + text.replace("'", "''") + "'";
    }

    /** The elements of a list that was said with commas, of which those within a JSON object separate nothing. */
    static List<String> elements(String text) {
        if (text.isEmpty()) {
            return List.of();
        }
        List<String> elements = new ArrayList<>();
        int start = 0;
        while (start <= text.length()) {
            int end = text.indexOf(',', endOfObject(text, start));
            end = end < 0 ? text.length() : end;
            elements.add(text.substring(start, end));
            start = end + 1;
        }
        return elements;
    }

    /** Where the JSON object ends that begins there; that place itself where none does. */
    private static int endOfObject(String text, int start) {
        int depth = 0;
        boolean quoted = false;
        int first = start;
        while (first < text.length() && Character.isWhitespace(text.charAt(first))) {
            first++;
        }
        for (int i = first; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quoted && c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (!quoted && c == '{') {
                depth++;
            } else if (!quoted && c == '}') {
                depth--;
            }
            if (depth == 0) {
                return i;
            }
        }
        return start;
    }
}
