package dev.ikat.agent.cluster;

import dev.ikat.policy.ClusterObject;
import dev.ikat.policy.Labels;
import dev.ikat.policy.Namespace;
import dev.ikat.policy.NetworkPolicy;
import dev.ikat.policy.Node;
import dev.ikat.policy.Pod;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;

/**
 * Lets equal parts of many objects be one: a cluster's pods have few different sets of labels, nodes and ports, and
 * those are most of what a pod takes. Thread-safe.
 */
final class Interner {
    private final Map<Object, WeakReference<Object>> known = new WeakHashMap<>();

    /** The same object, of shared parts. */
    synchronized ClusterObject intern(ClusterObject object) {
        return switch (object) {
            case Pod pod ->
                new Pod(
                        one(pod.namespace()),
                        pod.name(),
                        labels(pod.labels()),
                        pod.nodeName().map(this::one).flatMap(this::optional),
                        pod.ips(),
                        pod.hostNetwork(),
                        pod.phase(),
                        pod.ports().isEmpty() ? List.of() : one(pod.ports()));
            case Node node -> node;
            case Namespace namespace -> namespace;
            case NetworkPolicy policy -> policy;
        };
    }

    private Optional<String> optional(String text) {
        return one(Optional.of(text));
    }

    private Labels labels(Labels labels) {
        return labels.values().isEmpty() ? Labels.NONE : one(labels);
    }

    @SuppressWarnings("unchecked") // what is equal is of one type here
    private <T> T one(T value) {
        WeakReference<Object> reference = known.get(value);
        Object found = reference == null ? null : reference.get();
        if (found == null) {
            known.put(value, new WeakReference<>(value));
            return value;
        }
        return (T) found;
    }
}
