package dev.ikat.agent.policy;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.model.IpAddress;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which pod of the cluster has which address, for people who read about drops. It holds the pods themselves, which are
 * there anyhow, and nothing made for it. Thread-safe.
 */
final class PodAddresses {
    private final Map<IpAddress, Pod> pods = new ConcurrentHashMap<>();

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
            pod.ips().forEach(address -> pods.put(address, pod));
        }
    }

    private void forget(ClusterObject object) {
        if (object instanceof Pod pod) {
            // Another pod may have the address already.
            pod.ips().forEach(address -> pods.remove(address, pod));
        }
    }

    Optional<ObjectKey> pod(IpAddress address) {
        return Optional.ofNullable(pods.get(address)).map(Pod::key);
    }
}
