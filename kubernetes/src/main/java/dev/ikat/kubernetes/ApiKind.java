package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKind;
import java.util.Locale;
import java.util.stream.Stream;

/** A kind of object as the Kubernetes API serves it: where it is, and what of it is kept. */
enum ApiKind {
    NODES(
            ObjectKind.NODE,
            "/api/v1/nodes",
            "metadata.labels",
            "spec.podCIDR",
            "spec.podCIDRs",
            "status.addresses.type",
            "status.addresses.address"),
    NAMESPACES(ObjectKind.NAMESPACE, "/api/v1/namespaces", "metadata.labels"),
    PODS(
            ObjectKind.POD,
            "/api/v1/pods",
            "metadata.labels",
            "metadata.deletionTimestamp",
            "spec.nodeName",
            "spec.hostNetwork",
            "spec.containers.ports",
            "spec.initContainers.ports",
            "spec.initContainers.restartPolicy",
            "status.phase",
            "status.podIP",
            "status.podIPs"),
    NETWORK_POLICIES(ObjectKind.NETWORK_POLICY, "/apis/networking.k8s.io/v1/networkpolicies", "spec");

    private final ObjectKind kind;
    private final String path;

    @SuppressWarnings("ImmutableEnumChecker") // nobody changes a filter once it is made
    private final FieldFilter keep;

    ApiKind(ObjectKind kind, String path, String... fields) {
        this.kind = kind;
        this.path = path;
        this.keep = FieldFilter.of(Stream.concat(ofAll(), Stream.of(fields)).toList());
    }

    private static Stream<String> ofAll() {
        return Stream.of(
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
    }

    ObjectKind kind() {
        return kind;
    }

    static ApiKind of(ObjectKind kind) {
        return switch (kind) {
            case NODE -> NODES;
            case NAMESPACE -> NAMESPACES;
            case POD -> PODS;
            case NETWORK_POLICY -> NETWORK_POLICIES;
        };
    }

    /** The path of all objects of this kind. */
    String path() {
        return path;
    }

    /** The fields that Ikat looks at. */
    FieldFilter keep() {
        return keep;
    }

    /** The plural, as in {@code networkpolicies}. */
    String title() {
        return name().replace("_", "").toLowerCase(Locale.ROOT);
    }
}
