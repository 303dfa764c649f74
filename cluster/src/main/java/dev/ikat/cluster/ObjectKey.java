package dev.ikat.cluster;

import java.util.Comparator;
import java.util.Objects;

/**
 * Identifies an object in the cluster.
 *
 * @param kind its kind
 * @param namespace its namespace, empty for a kind without namespaces
 * @param name its name in that namespace
 */
public record ObjectKey(ObjectKind kind, String namespace, String name) implements Comparable<ObjectKey> {
    private static final Comparator<ObjectKey> ORDER = Comparator.comparing(ObjectKey::kind)
            .thenComparing(ObjectKey::namespace)
            .thenComparing(ObjectKey::name);

    public ObjectKey {
        Objects.requireNonNull(kind, "kind");
        String object = kind.title() + " " + (namespace.isEmpty() ? "" : namespace + "/") + name;
        if (kind.namespaced()) {
            Names.requireLabel(object, "metadata.namespace", namespace);
        } else if (!namespace.isEmpty()) {
            throw new InvalidObjectException(object, "metadata.namespace", "a " + kind.title() + " is in no namespace");
        }
        switch (kind.naming()) {
            case LABEL -> Names.requireLabel(object, "metadata.name", name);
            case SUBDOMAIN -> Names.requireSubdomain(object, "metadata.name", name);
        }
    }

    /** Orders by kind, namespace and name. */
    @Override
    public int compareTo(ObjectKey other) {
        return ORDER.compare(this, other);
    }

    /** As in {@code Pod shop/web} or {@code Node worker-1}. */
    @Override
    public String toString() {
        return kind.title() + " " + (namespace.isEmpty() ? "" : namespace + "/") + name;
    }
}
