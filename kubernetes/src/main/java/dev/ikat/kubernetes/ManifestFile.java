package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Restricting;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * What one file of manifests says: objects with their places, or faults, in which case it is not to be used.
 *
 * @param objects the objects by key, with the place of each; where there are faults, also policies of which only a part
 *     can be read
 * @param faults everything that is wrong
 * @param warnings what has no effect, and may have been meant to have one
 * @param ignored kinds of object in it that nobody asks for, as {@code apiVersion kind}
 */
record ManifestFile(
        Map<ObjectKey, Placed> objects, List<ManifestFault> faults, List<ManifestFault> warnings, Set<String> ignored) {
    private static final int MAX_CODE_POINTS = 64 << 20;
    private static final LoadSettings SETTINGS = LoadSettings.builder()
            .setSchema(new CoreSchema())
            .setCodePointLimit(MAX_CODE_POINTS)
            .build();

    /** An object with the place where it begins. */
    record Placed(ClusterObject object, int line, int column) {
        ManifestFault fault(String reason) {
            return new ManifestFault(line, column, Optional.of(object.key()), object.key() + ": " + reason);
        }
    }

    /** Its policies, as far as they can be read: what is missing of them closes, where missing policies would open. */
    Map<ObjectKey, Placed> policies() {
        Map<ObjectKey, Placed> policies = new LinkedHashMap<>(objects);
        policies.values().removeIf(placed -> !(placed.object() instanceof Restricting));
        return policies;
    }

    /** Reads all documents of a file; JSON is YAML too. */
    static ManifestFile parse(byte[] bytes, ManifestReader reader) {
        Collector collector = new Collector(reader);
        try {
            String text = decode(bytes);
            for (Node document : new Compose(SETTINGS).composeAllFromString(text)) {
                collector.add(YamlValue.top(document));
            }
        } catch (ManifestFaultException e) {
            collector.faults.addAll(e.faults());
        } catch (MarkedYamlEngineException e) {
            int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
            int column = e.getProblemMark().map(mark -> mark.getColumn() + 1).orElse(1);
            String context = e.getContext() == null ? "" : " (" + e.getContext() + ")";
            collector.faults.add(new ManifestFault(line, column, "is not YAML: " + e.getProblem() + context));
        } catch (ReaderException e) {
            collector.faults.add(at(
                    bytes,
                    e.getPosition(),
                    "is not YAML: it may not contain the character U+%04X".formatted(e.getCodePoint())));
        } catch (YamlEngineException e) {
            collector.faults.add(new ManifestFault(1, 1, "is not YAML: " + e.getMessage()));
        } catch (StackOverflowError e) {
            // The composer recurses; a manifest is never so deep that this is not a mistake.
            collector.faults.add(new ManifestFault(1, 1, "is nested too deeply"));
        }
        return new ManifestFile(
                collector.objects, List.copyOf(collector.faults), List.copyOf(collector.warnings), collector.ignored);
    }

    private static String decode(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer input = ByteBuffer.wrap(bytes);
        CharBuffer output = CharBuffer.allocate(bytes.length + 1);
        CoderResult result = decoder.decode(input, output, true);
        if (result.isError()) {
            throw new ManifestFaultException(List.of(
                    at(bytes, input.position(), "is not UTF-8: byte 0x%02x".formatted(bytes[input.position()]))));
        }
        String text = output.flip().toString();
        return text.startsWith("\ufeff") ? text.substring(1) : text;
    }

    private static ManifestFault at(byte[] bytes, int position, String reason) {
        int line = 1;
        int lineStart = 0;
        for (int i = 0; i < Math.min(position, bytes.length); i++) {
            if (bytes[i] == '\n') {
                line++;
                lineStart = i + 1;
            }
        }
        return new ManifestFault(line, position - lineStart + 1, reason);
    }

    /** Takes the documents one by one, so that a fault in one does not hide those in the next. */
    private static final class Collector {
        private final Map<ObjectKey, Placed> objects = new LinkedHashMap<>();
        private final List<ManifestFault> faults = new ArrayList<>();
        private final List<ManifestFault> warnings = new ArrayList<>();
        private final Set<String> ignored = new TreeSet<>();
        private final ManifestReader reader;

        Collector(ManifestReader reader) {
            this.reader = reader;
        }

        void add(YamlValue document) {
            if (document.isNull()) {
                return; // nothing but a comment between two separators
            }
            for (ManifestReader.Reading reading : reader.read(document)) {
                switch (reading) {
                    case ManifestReader.Ignored(String kind) -> ignored.add(kind);
                    case ManifestReader.Doubtful(ManifestFault warning) -> warnings.add(warning);
                    case ManifestReader.Read(ClusterObject object, YamlValue place) -> put(object, place);
                    case ManifestReader.Refused refused -> {
                        faults.addAll(refused.faults());
                        refused.part().ifPresent(part -> put(part, refused.place()));
                    }
                }
            }
        }

        private void put(ClusterObject object, YamlValue place) {
            ManifestFault here = place.fault("");
            Placed placed = new Placed(object, here.line(), here.column());
            Placed twin = objects.putIfAbsent(object.key(), placed);
            if (twin != null) {
                faults.add(placed.fault("is defined twice; the other definition begins at line " + twin.line()));
            }
        }
    }
}
