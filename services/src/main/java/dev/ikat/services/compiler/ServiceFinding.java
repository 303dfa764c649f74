package dev.ikat.services.compiler;

import dev.ikat.cluster.ObjectKey;

/**
 * Something in a service that is valid and has no effect on this node.
 *
 * @param service the service
 * @param field where in it, as in {@code spec.externalIPs}
 * @param text what has no effect, and why
 */
public record ServiceFinding(ObjectKey service, String field, String text) implements Comparable<ServiceFinding> {
    /** Orders by service, field and text. */
    @Override
    public int compareTo(ServiceFinding other) {
        int order = service.compareTo(other.service);
        if (order == 0) {
            order = field.compareTo(other.field);
        }
        return order != 0 ? order : text.compareTo(other.text);
    }

    /** As in {@code Service shop/web: spec.externalIPs: are not served, …}. */
    @Override
    public String toString() {
        return service + ": " + field + ": " + text;
    }
}
