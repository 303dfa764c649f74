package dev.ikat.agent.policy;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.model.IpAddress;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which pod of the cluster has which address, for people who read about drops and for the self-test. It holds the pods
 * themselves, which are there anyhow, and nothing made for it. Thread-safe.
 */
final class PodAddresses {
    private final Map<IpAddress, Pod> pods = new ConcurrentHashMap<>();

    /** Further pods that are said to have an address that is in the map, which is rare. */
    private final Map<IpAddress, Set<Pod>> others = new ConcurrentHashMap<>();

    /** The cluster is different; changes come one at a time. */
    void changed(ClusterChange change) {
        change.removed().forEach(this::forget);
        change.updated().forEach(update -> {
            forget(update.before());
            learn(update.after());
        });
        change.added().forEach(this::learn);
    }

    private void learn(ClusterObject object) {
        if (object instanceof Pod pod && !pod.hostNetwork() && !pod.ended()) {
            pod.ips().forEach(address -> {
                Pod before = pods.put(address, pod);
                if (before != null && !before.equals(pod)) {
                    others.computeIfAbsent(address, _ -> new LinkedHashSet<>()).add(before);
                }
            });
        }
    }

    private void forget(ClusterObject object) {
        if (object instanceof Pod pod) {
            pod.ips().forEach(address -> {
                Set<Pod> more = others.getOrDefault(address, Set.of());
                // Another pod may have the address already, or still.
                if (more.isEmpty()) {
                    pods.remove(address, pod);
                    return;
                }
                if (!more.remove(pod)) {
                    Pod next = more.iterator().next();
                    if (pods.replace(address, pod, next)) {
                        more.remove(next);
                    }
                }
                if (more.isEmpty()) {
                    others.remove(address);
                }
            });
        }
    }

    Optional<ObjectKey> pod(IpAddress address) {
        return Optional.ofNullable(pods.get(address)).map(Pod::key);
    }
}
