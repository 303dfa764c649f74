package dev.ikat.kubernetes;

import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads and writes selectors of labels (meta/v1 LabelSelector), in which an unknown field is a fault. */
final class SelectorFields {
    private SelectorFields() {}

    /** The selector at this key; empty if there is none. */
    static Optional<LabelSelector> read(YamlValue holder, String key) {
        return holder.get(key).map(selector -> {
            Faults faults = new Faults();
            faults.check(() -> selector.allowOnly("matchLabels", "matchExpressions"));
            Optional<Labels> labels = faults.attempt(() -> ObjectFields.labels(selector, "matchLabels"));
            Optional<List<Requirement>> expressions =
                    faults.attempt(() -> selector.list("matchExpressions", SelectorFields::requirement));
            faults.throwIfAny();
            return new LabelSelector(labels.orElseThrow(), expressions.orElseThrow());
        });
    }

    private static Requirement requirement(YamlValue expression) {
        Faults faults = new Faults();
        faults.check(() -> expression.allowOnly("key", "operator", "values"));
        Optional<String> key = faults.attempt(() -> expression.require("key").text());
        Optional<Operator> operator = faults.attempt(
                () -> ObjectFields.choice(expression.require("operator"), Operator.values(), Operator::title));
        Optional<Set<String>> values = faults.attempt(() -> new HashSet<>(expression.list("values", YamlValue::text)));
        faults.throwIfAny();
        return expression.make(() -> new Requirement(key.orElseThrow(), operator.orElseThrow(), values.orElseThrow()));
    }

    /** Writes the selector, if there is one. */
    static void write(ManifestWriter out, String name, Optional<LabelSelector> selector) throws IOException {
        if (selector.isPresent()) {
            out.object(name, () -> {
                out.labels("matchLabels", selector.get().matchLabels());
                out.list(
                        "matchExpressions",
                        selector.get().matchExpressions(),
                        requirement -> out.object(() -> requirement(out, requirement)));
            });
        }
    }

    private static void requirement(ManifestWriter out, Requirement requirement) throws IOException {
        out.field("key", requirement.key());
        out.field("operator", requirement.operator().title());
        out.list("values", requirement.values(), out::value);
    }
}
