package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.Reported;
import java.io.IOException;
import java.util.Optional;

/**
 * Reads and writes what the API keeps of an object beside what its author wrote. What somebody else has put there and
 * can't be read counts as nothing: the next condition replaces it.
 */
final class ReportedFields {
    /** What of an object has to be kept for it. */
    static final String GENERATION = "metadata.generation";

    static final String CONDITIONS = "status.conditions";

    private static final String HOLDS = "True";
    private static final String DOES_NOT = "False";

    private ReportedFields() {}

    /** The value of a condition's {@code status}. */
    static String word(ObjectCondition condition) {
        return condition.holds() ? HOLDS : DOES_NOT;
    }

    /**
     * What is kept of the object.
     *
     * @param type that of the condition
     */
    static Reported read(YamlValue document, String type) {
        Faults ignored = new Faults();
        long generation = ignored.attempt(() -> document.require("metadata")
                        .get("generation")
                        .map(value -> value.number(0, Long.MAX_VALUE))
                        .orElse(0L))
                .orElse(0L);
        Optional<ObjectCondition> condition = ignored.attempt(
                        () -> document.get("status").flatMap(status -> condition(status, type)))
                .flatMap(found -> found);
        return new Reported(generation, condition);
    }

    private static Optional<ObjectCondition> condition(YamlValue status, String type) {
        return status
                .list("conditions", each -> {
                    if (!each.require("type").text().equals(type)) {
                        return Optional.<ObjectCondition>empty();
                    }
                    return Optional.of(new ObjectCondition(
                            type,
                            each.require("status").text().equals(HOLDS),
                            each.require("reason").text(),
                            each.get("message").map(YamlValue::text).orElse(""),
                            each.get("observedGeneration")
                                    .map(value -> value.number(0, Long.MAX_VALUE))
                                    .orElse(0L)));
                })
                .stream()
                .flatMap(Optional::stream)
                .findFirst();
    }

    /** Writes the generation, among the metadata. */
    static void generation(ManifestWriter out, Reported reported) throws IOException {
        if (reported.generation() != 0) {
            out.field("generation", reported.generation());
        }
    }

    /** Writes the status, if there is one. */
    static void status(ManifestWriter out, Reported reported) throws IOException {
        Optional<ObjectCondition> condition = reported.condition();
        if (condition.isPresent()) {
            out.object(
                    "status",
                    () -> out.list(
                            "conditions",
                            condition.stream().toList(),
                            each -> out.object(() -> {
                                out.field("type", each.type());
                                out.field("status", word(each));
                                out.field("reason", each.reason());
                                out.field("message", each.message());
                                out.field("observedGeneration", each.observedGeneration());
                            })));
        }
    }
}
