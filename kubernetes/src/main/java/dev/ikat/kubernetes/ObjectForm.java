package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How the objects of one kind are read from YAML or JSON in the form of the Kubernetes API, and written in it. What a
 * node's network does not depend on is neither read nor written.
 */
interface ObjectForm<T extends ClusterObject> {
    /**
     * What was made of a document.
     *
     * @param object the object; if there are faults, as much of it as can be read, such that it fails closed, for a
     *     kind of which a part is of use ({@link dev.ikat.cluster.Restricting}), and empty for others
     * @param faults what can't be read
     */
    record Reading<T>(Optional<T> object, List<ManifestFault> faults) {
        /** One of which a part is of no use. */
        static <T> Reading<T> of(Supplier<T> whole) {
            try {
                return new Reading<>(Optional.of(whole.get()), List.of());
            } catch (ManifestFaultException e) {
                return new Reading<>(Optional.empty(), e.faults());
            }
        }
    }

    /** What an object says, and all that is wrong with it. */
    Reading<T> read(YamlValue object);

    /**
     * What a document says that can't be taken for an object of this kind, although it must have been meant to be one.
     *
     * @param fault why it can't
     */
    default Reading<T> mistaken(YamlValue document, ManifestFault fault) {
        return new Reading<>(Optional.empty(), List.of(fault));
    }

    /** Writes the fields of an object, beginning with its metadata, so that {@link #read} reads an equal one. */
    void write(ManifestWriter out, T object) throws IOException;

    /** The same object, of parts that others have too; for a kind of which a cluster has many objects. */
    default T share(T object, Interner.Parts parts) {
        return object;
    }
}
