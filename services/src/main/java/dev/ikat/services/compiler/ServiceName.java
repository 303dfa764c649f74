package dev.ikat.services.compiler;

import java.util.Comparator;

/**
 * Names a service, which need not exist: an endpoint slice may name any.
 *
 * @param namespace its namespace
 * @param name its name there
 */
record ServiceName(String namespace, String name) implements Comparable<ServiceName> {
    private static final Comparator<ServiceName> ORDER =
            Comparator.comparing(ServiceName::namespace).thenComparing(ServiceName::name);

    @Override
    public int compareTo(ServiceName other) {
        return ORDER.compare(this, other);
    }

    /** As in {@code shop/web}. */
    @Override
    public String toString() {
        return namespace + "/" + name;
    }
}
