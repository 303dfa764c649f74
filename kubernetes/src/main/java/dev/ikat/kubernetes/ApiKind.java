package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Restricting;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * Everything about a kind of object in Kubernetes: where the API serves it, which of its fields are kept, how they are
 * read, and how a source treats it. A source knows only the kinds that it is opened with. Immutable.
 */
public final class ApiKind<T extends ClusterObject> {
    /** The fields that are kept of every object. */
    private static final List<String> OF_ALL = List.of(
            "metadata.name",
            "metadata.namespace",
            "metadata.resourceVersion",
            // When it was written, for the metrics; and which of two nodes was first.
            "metadata.creationTimestamp",
            "metadata.managedFields.time",
            // Of a Status, which stands where an object would where a watch fails.
            "code",
            "reason",
            "message");

    private final ObjectKind kind;
    private final Class<T> type;
    private final List<String> versions;
    private final String plural;
    private final ObjectForm<T> form;
    private final FieldFilter keep;
    private final Treatment<T> treatment;

    /**
     * How a source treats the objects of a kind.
     *
     * @param optional see {@link #optional()}
     * @param changingOften see {@link #changingOften()}
     * @param versioned see {@link #keepingVersion}
     */
    private record Treatment<T>(
            boolean optional, boolean changingOften, Optional<BiFunction<T, String, T>> versioned) {}

    private ApiKind(
            ObjectKind kind,
            Class<T> type,
            List<String> versions,
            String plural,
            ObjectForm<T> form,
            FieldFilter keep,
            Treatment<T> treatment) {
        this.kind = kind;
        this.type = type;
        this.versions = versions;
        this.plural = plural;
        this.form = form;
        this.keep = keep;
        this.treatment = treatment;
    }

    /**
     * A kind that the API always serves, and whose objects are only read.
     *
     * @param type the class of its objects
     * @param version its version in its API group, as in {@code v1}
     * @param plural its name in paths, as in {@code networkpolicies}
     * @param fields what is kept of an object beside its name, as in {@code spec.podCIDRs}
     */
    static <T extends ClusterObject> ApiKind<T> of(
            ObjectKind kind, Class<T> type, String version, String plural, ObjectForm<T> form, String... fields) {
        List<String> all = new ArrayList<>(OF_ALL);
        Collections.addAll(all, fields);
        return new ApiKind<>(
                kind,
                type,
                List.of(version),
                plural,
                form,
                FieldFilter.of(all),
                new Treatment<>(false, false, Optional.empty()));
    }

    private ApiKind<T> with(Treatment<T> other) {
        return new ApiKind<>(kind, type, versions, plural, form, keep, other);
    }

    /**
     * The same kind, which an older cluster has only in this version. The form has to read both; it writes the version
     * that the kind was created with, and manifests have to be in that.
     */
    ApiKind<T> orEarlier(String version) {
        List<String> all = new ArrayList<>(versions);
        all.add(version);
        return new ApiKind<>(kind, type, List.copyOf(all), plural, form, keep, treatment);
    }

    /**
     * The same kind, but it need not be installed in the cluster, such as one that a CustomResourceDefinition defines.
     * As long as it is not, it has no objects, which is not a fault. If it can't be read for another reason, that is a
     * fault, but nothing waits for it after the first moments of the start.
     */
    public ApiKind<T> optional() {
        return with(new Treatment<>(true, treatment.changingOften(), treatment.versioned()));
    }

    /** The same kind, whose objects change so often that they alone do not have the snapshot written soon. */
    ApiKind<T> changingOften() {
        return with(new Treatment<>(treatment.optional(), true, treatment.versioned()));
    }

    /**
     * The same kind, for objects that will be written: each keeps its {@link ClusterObject#resourceVersion}, so that a
     * new version is a change even if nothing else differs.
     *
     * @param versioned gives an object its version
     */
    public ApiKind<T> keepingVersion(BiFunction<T, String, T> versioned) {
        return with(new Treatment<>(treatment.optional(), treatment.changingOften(), Optional.of(versioned)));
    }

    /** The kind of its objects in the cluster model. */
    public ObjectKind kind() {
        return kind;
    }

    /** The paths of all objects of this kind, of which a server has at least one: that of the newest version first. */
    List<String> paths() {
        return versions.stream()
                .map(version -> (kind.group().isEmpty() ? "/api/" : "/apis/") + grouped(version) + "/" + plural)
                .toList();
    }

    /** The path of the status of one object of this kind, in the newest version. */
    String statusPath(ObjectKey object) {
        String path = paths().getFirst();
        if (kind.namespaced()) {
            int slash = path.lastIndexOf('/');
            path = path.substring(0, slash) + "/namespaces/" + object.namespace() + path.substring(slash);
        }
        return path + "/" + object.name() + "/status";
    }

    /** Group and newest version, as in {@code networking.k8s.io/v1}: the value of {@code apiVersion}. */
    String apiVersion() {
        return grouped(versions.getFirst());
    }

    private String grouped(String version) {
        return kind.group().isEmpty() ? version : kind.group() + "/" + version;
    }

    /** The plural, as in {@code networkpolicies}. */
    String title() {
        return plural;
    }

    /** The fields that Ikat looks at. */
    FieldFilter keep() {
        return keep;
    }

    boolean isOptional() {
        return treatment.optional();
    }

    boolean isChangingOften() {
        return treatment.changingOften();
    }

    /** Whether its objects forbid something, so that what can't be read of one has to close. */
    boolean isRestricting() {
        return Restricting.class.isAssignableFrom(type);
    }

    /** What an object of it says, and all that is wrong with it. */
    ObjectForm.Reading<T> read(YamlValue object) {
        ObjectForm.Reading<T> reading = form.read(object);
        return treatment
                .versioned()
                .map(versioned -> new ObjectForm.Reading<>(
                        reading.object().map(one -> versioned.apply(one, ObjectFields.resourceVersion(object))),
                        reading.faults()))
                .orElse(reading);
    }

    /** What a document says that must have been meant to be of this kind, and is not. */
    ObjectForm.Reading<T> mistaken(YamlValue document, ManifestFault fault) {
        return form.mistaken(document, fault);
    }

    /** Writes the fields of one of its objects. */
    void write(ManifestWriter out, ClusterObject object) throws IOException {
        form.write(out, type.cast(object));
    }

    /** The same object, of parts that others have too. */
    T share(ClusterObject object, Interner.Parts parts) {
        return form.share(type.cast(object), parts);
    }

    /** Its title. */
    @Override
    public String toString() {
        return plural;
    }
}
