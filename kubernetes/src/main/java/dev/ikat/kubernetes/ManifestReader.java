package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Restricting;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Turns one YAML document in the form of the Kubernetes API into the objects of the cluster model, if it is of a kind
 * that is asked for. Other kinds are not looked at. Immutable.
 */
final class ManifestReader {
    private final KindSet kinds;

    ManifestReader(KindSet kinds) {
        this.kinds = kinds;
    }

    /** What a document says. */
    sealed interface Reading {}

    /** An object and the place where it begins. */
    record Read(ClusterObject object, YamlValue place) implements Reading {}

    /**
     * Something that can't be read as it should be.
     *
     * @param faults what is wrong
     * @param part if it forbids something, as much of it as can be read, such that it fails closed; empty otherwise,
     *     and if it can't be said which object it is
     * @param place where it begins
     */
    record Refused(List<ManifestFault> faults, Optional<Restricting> part, YamlValue place) implements Reading {}

    /** Something without effect of which people should know. */
    record Doubtful(ManifestFault warning) implements Reading {}

    /** A kind of object that the node's network does not depend on. */
    record Ignored(String kind) implements Reading {}

    /** What a document has in it: one object, or all of a list. What is wrong with it is in the readings. */
    List<Reading> read(YamlValue document) {
        List<Reading> readings = new ArrayList<>();
        Faults faults = new Faults();
        Optional<String> version =
                faults.attempt(() -> document.require("apiVersion").text());
        Optional<String> kind = faults.attempt(() -> document.require("kind").text());
        if (version.isEmpty() || kind.isEmpty()) {
            return List.of(new Refused(faults.all(), Optional.empty(), document));
        }
        DocumentKind meaning = DocumentKind.of(kinds, version.get(), kind.get());
        read(document, meaning, version.get() + " " + kind.get(), readings);
        return readings;
    }

    private void read(YamlValue document, DocumentKind kind, String title, List<Reading> readings) {
        switch (kind) {
            case DocumentKind.One(ApiKind<?> one) -> readings.add(one(document, one));
            case DocumentKind.ListOf(Optional<ApiKind<?>> all) -> list(document, all, readings);
            case DocumentKind.Mistaken(DocumentKind meant, String reason) ->
                mistaken(document, meant, reason, readings);
            case DocumentKind.Namesake(String reason) -> readings.add(new Doubtful(document.fault(reason)));
            case DocumentKind.Other() -> readings.add(new Ignored(title));
        }
    }

    private void list(YamlValue document, Optional<ApiKind<?>> kind, List<Reading> readings) {
        Faults faults = new Faults();
        for (YamlValue element :
                faults.attempt(() -> document.elements("items")).orElse(List.of())) {
            YamlValue item = element.asTop();
            if (kind.isPresent() && faults.attempt(() -> item.get("kind")).equals(Optional.of(Optional.empty()))) {
                // The API server leaves it out where the list says it.
                readings.add(one(item, kind.get()));
            } else {
                readings.addAll(read(item));
            }
        }
        if (!faults.none()) {
            readings.add(new Refused(faults.all(), Optional.empty(), document));
        }
    }

    /** Nothing of it is taken for what it says, but what may forbid something forbids what it may have meant to. */
    private static void mistaken(YamlValue document, DocumentKind meant, String reason, List<Reading> readings) {
        ManifestFault fault = document.fault(reason);
        switch (meant) {
            case DocumentKind.One(ApiKind<?> kind) ->
                readings.add(refused(kind.mistaken(document, fault), document, kind));
            case DocumentKind.ListOf(Optional<ApiKind<?>> kind)
            when kind.isPresent() && kind.get().isRestricting() -> mistaken(document, kind.get(), fault, readings);
            default -> readings.add(new Refused(List.of(fault), Optional.empty(), document));
        }
    }

    private static void mistaken(YamlValue list, ApiKind<?> kind, ManifestFault fault, List<Reading> readings) {
        List<YamlValue> items =
                new Faults().attempt(() -> list.elements("items")).orElse(List.of());
        if (items.isEmpty()) {
            readings.add(new Refused(List.of(fault), Optional.empty(), list));
        }
        items.stream()
                .map(YamlValue::asTop)
                .forEach(item -> readings.add(refused(kind.mistaken(item, fault), item, kind)));
    }

    private static Reading one(YamlValue document, ApiKind<?> kind) {
        ObjectForm.Reading<? extends ClusterObject> reading = kind.read(document);
        return reading.faults().isEmpty()
                ? new Read(object(reading).orElseThrow(), document)
                : refused(reading, document, kind);
    }

    private static Optional<ClusterObject> object(ObjectForm.Reading<? extends ClusterObject> reading) {
        return reading.object().map(object -> object);
    }

    private static Refused refused(
            ObjectForm.Reading<? extends ClusterObject> reading, YamlValue document, ApiKind<?> kind) {
        return new Refused(
                named(reading.faults(), document, kind.kind()),
                reading.object().filter(Restricting.class::isInstance).map(Restricting.class::cast),
                document);
    }

    /** The faults in their order in the text, each with the object's name. */
    private static List<ManifestFault> named(List<ManifestFault> faults, YamlValue document, ObjectKind kind) {
        String name = ObjectFields.name(document, kind.title());
        Optional<ObjectKey> key = ObjectFields.key(document, kind, new Faults());
        return faults.stream()
                .sorted(Comparator.comparingInt(ManifestFault::line).thenComparingInt(ManifestFault::column))
                .map(fault -> new ManifestFault(fault.line(), fault.column(), key, name + ": " + fault.reason()))
                .toList();
    }
}
