package dev.ikat.kubernetes;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import java.io.IOException;
import java.util.Optional;

/** Namespaces of core/v1. */
final class NamespaceForm implements ObjectForm<Namespace> {
    static final ApiKind<Namespace> KIND = ApiKind.of(
            ObjectKind.NAMESPACE, Namespace.class, "v1", "namespaces", new NamespaceForm(), "metadata.labels");

    @Override
    public Reading<Namespace> read(YamlValue object) {
        return Reading.of(() -> namespace(object));
    }

    private static Namespace namespace(YamlValue document) {
        Faults faults = new Faults();
        Optional<ObjectKey> key = ObjectFields.key(document, ObjectKind.NAMESPACE, faults);
        Optional<Labels> labels = faults.attempt(() -> ObjectFields.labels(document.require("metadata"), "labels"));
        faults.throwIfAny();
        return document.make(() -> new Namespace(key.orElseThrow().name(), labels.orElseThrow()));
    }

    @Override
    public void write(ManifestWriter out, Namespace namespace) throws IOException {
        out.metadata(namespace.key(), () -> out.labels("labels", namespace.labels()));
    }
}
