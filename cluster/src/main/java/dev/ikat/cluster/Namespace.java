package dev.ikat.cluster;

import java.util.Objects;

/**
 * A namespace, whose labels policies select.
 *
 * @param name its name
 * @param labels its labels; always with {@link #NAME_LABEL}, as the API server has it
 */
public record Namespace(String name, Labels labels) implements PolicyObject {
    /** The label that every namespace has, with its name as the value. */
    public static final String NAME_LABEL = "kubernetes.io/metadata.name";

    public Namespace {
        ObjectKey key = new ObjectKey(ObjectKind.NAMESPACE, "", name);
        Objects.requireNonNull(labels, "labels");
        String named = labels.value(NAME_LABEL);
        if (named == null) {
            labels = labels.with(NAME_LABEL, name);
        } else if (!named.equals(name)) {
            throw new InvalidObjectException(
                    key.toString(), "metadata.labels", NAME_LABEL + " is '" + named + "', not the namespace's name");
        }
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.NAMESPACE, "", name);
    }
}
