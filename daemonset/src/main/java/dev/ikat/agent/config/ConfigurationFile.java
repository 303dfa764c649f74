package dev.ikat.agent.config;

import dev.ikat.agent.config.Configuration.Given;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * The agent's file of settings: one YAML document, a mapping of their names to values of their kinds. One reading finds
 * every error in it, each with its line and column.
 */
public final class ConfigurationFile {
    private static final int MAX_CODE_POINTS = 1 << 20;
    private static final LoadSettings SETTINGS = LoadSettings.builder()
            .setSchema(new CoreSchema())
            .setCodePointLimit(MAX_CODE_POINTS)
            .build();

    private final Path path;
    private final Map<Setting, Given> given = new EnumMap<>(Setting.class);
    private final List<String> faults = new ArrayList<>();
    private boolean unreadable;

    private ConfigurationFile(Path path) {
        this.path = path;
    }

    static ConfigurationFile read(Path path) {
        ConfigurationFile file = new ConfigurationFile(path);
        try {
            new Compose(SETTINGS).composeString(Files.readString(path)).ifPresent(file::add);
        } catch (NoSuchFileException e) {
            file.unreadable("--config: there is no file " + path);
        } catch (CharacterCodingException e) {
            file.unreadable("--config: " + path + " is not UTF-8 text");
        } catch (IOException e) {
            file.unreadable("--config: " + path + " can't be read: " + e.getMessage());
        } catch (MarkedYamlEngineException e) {
            file.unreadable(file.place(e.getProblemMark()) + "is not YAML: " + e.getProblem());
        } catch (YamlEngineException e) {
            file.unreadable(file.place(Optional.empty()) + "is not YAML: " + e.getMessage());
        }
        return file;
    }

    private void unreadable(String reason) {
        unreadable = true;
        faults.add(reason);
    }

    /** Whether no setting could be read, so that nobody knows which are in it. */
    boolean isUnreadable() {
        return unreadable;
    }

    Map<Setting, Given> given() {
        return given;
    }

    List<String> faults() {
        return faults;
    }

    private void add(Node document) {
        if (!(document instanceof MappingNode mapping)) {
            // A file of nothing but comments is composed as null.
            if (!document.getTag().equals(Tag.NULL)) {
                fault(document, "has to be a mapping of settings to values, but is " + description(document));
            }
            return;
        }
        for (NodeTuple tuple : mapping.getValue()) {
            String key = tuple.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "";
            Optional<Setting> setting = Setting.named(key);
            if (setting.isEmpty()) {
                fault(tuple.getKeyNode(), "unknown setting '" + key + "'; " + similar(key));
            } else if (given.containsKey(setting.get())) {
                fault(tuple.getKeyNode(), key + " is set twice");
            } else {
                add(setting.get(), tuple.getValueNode());
            }
        }
    }

    private void add(Setting setting, Node value) {
        Optional<String> text = text(setting.kind(), value);
        if (text.isEmpty()) {
            fault(
                    value,
                    setting.key() + ": has to be " + (setting.kind() == Setting.Kind.TRUTH ? "" : "a ")
                            + setting.kind().words() + ", but is " + description(value));
        }
        given.put(setting, new Given(text.orElse(""), place(value) + setting.key(), text.isEmpty()));
    }

    /** The value as on a command line; empty if it is of another kind. */
    private static Optional<String> text(Setting.Kind kind, Node value) {
        if (kind == Setting.Kind.LIST) {
            return value instanceof SequenceNode sequence
                            && sequence.getValue().stream()
                                    .allMatch(element -> isScalar(element, Tag.STR)
                                            && Configuration.elements(plain(element))
                                                            .size()
                                                    <= 1)
                    ? Optional.of(sequence.getValue().stream()
                            .map(ConfigurationFile::plain)
                            .collect(Collectors.joining(",")))
                    : Optional.empty();
        }
        boolean fits = switch (kind) {
            case TEXT -> isScalar(value, Tag.STR);
            case NUMBER -> isScalar(value, Tag.INT);
            case NUMBER_OR_TEXT -> isScalar(value, Tag.INT) || isScalar(value, Tag.STR);
            case TRUTH -> isScalar(value, Tag.BOOL);
            case TRUTH_OR_TEXT -> isScalar(value, Tag.BOOL) || isScalar(value, Tag.STR);
            case LIST -> false;
        };
        return fits ? Optional.of(plain(value)) : Optional.empty();
    }

    private static boolean isScalar(Node node, Tag tag) {
        return node instanceof ScalarNode && node.getTag().equals(tag);
    }

    private static String plain(Node node) {
        return node instanceof ScalarNode scalar ? scalar.getValue() : "";
    }

    private static String description(Node node) {
        return switch (node) {
            case MappingNode _ -> "a mapping";
            case SequenceNode sequence -> sequence.getValue().isEmpty() ? "an empty list" : "a list";
            case ScalarNode scalar
            when node.getTag().equals(Tag.NULL) -> scalar.getValue().isEmpty() ? "empty" : "null";
            case ScalarNode scalar when node.getTag().equals(Tag.STR) -> "the text '" + scalar.getValue() + "'";
            case ScalarNode scalar -> scalar.getValue();
            default -> "something else";
        };
    }

    /** The setting that was perhaps meant. */
    private static String similar(String key) {
        return Similar.to(key, Setting.documented().stream().map(Setting::key).toList())
                .map(name -> "did you mean '" + name + "'?")
                .orElse("'ikat-agent --help' lists them all");
    }

    private void fault(Node node, String reason) {
        faults.add(place(node) + reason);
    }

    private String place(Node node) {
        return place(node.getStartMark());
    }

    private String place(Optional<Mark> mark) {
        return path
                + mark.map(at -> ":" + (at.getLine() + 1) + ":" + (at.getColumn() + 1))
                        .orElse("") + ": ";
    }
}
