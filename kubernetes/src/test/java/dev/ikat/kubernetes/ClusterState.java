package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Pod;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The objects of the cluster at one moment, by kind. Immutable.
 *
 * @param nodes by name
 * @param namespaces by name
 * @param pods by key
 * @param policies by key
 */
record ClusterState(
        Map<String, Node> nodes,
        Map<String, Namespace> namespaces,
        Map<ObjectKey, Pod> pods,
        Map<ObjectKey, NetworkPolicy> policies) {
    /** No objects. */
    static final ClusterState EMPTY = new ClusterState(Map.of(), Map.of(), Map.of(), Map.of());

    public ClusterState {
        nodes = Collections.unmodifiableMap(new TreeMap<>(nodes));
        namespaces = Collections.unmodifiableMap(new TreeMap<>(namespaces));
        pods = Collections.unmodifiableMap(new TreeMap<>(pods));
        policies = Collections.unmodifiableMap(new TreeMap<>(policies));
    }

    /** What a source has of these kinds. */
    static ClusterState of(ClusterSource source) {
        List<ClusterObject> all = new ArrayList<>();
        ApiKinds.NETWORKING.forEach(kind -> all.addAll(source.objects(kind.kind())));
        return of(all);
    }

    /**
     * The state that holds just these.
     *
     * @throws IllegalArgumentException if two have the same key
     */
    static ClusterState of(Collection<? extends ClusterObject> objects) {
        Map<String, Node> nodes = new TreeMap<>();
        Map<String, Namespace> namespaces = new TreeMap<>();
        Map<ObjectKey, Pod> pods = new TreeMap<>();
        Map<ObjectKey, NetworkPolicy> policies = new TreeMap<>();
        for (ClusterObject object : objects) {
            ClusterObject twin = switch (object) {
                case Node node -> nodes.put(node.name(), node);
                case Namespace namespace -> namespaces.put(namespace.name(), namespace);
                case Pod pod -> pods.put(pod.key(), pod);
                case NetworkPolicy policy -> policies.put(policy.key(), policy);
                default -> throw new IllegalArgumentException(object.key() + " is of a kind that is not asked for");
            };
            if (twin != null) {
                throw new IllegalArgumentException("the cluster has two of " + object.key());
            }
        }
        return new ClusterState(nodes, namespaces, pods, policies);
    }

    /** The node of this name. */
    public Optional<Node> node(String name) {
        return Optional.ofNullable(nodes.get(name));
    }

    /** The namespace of this name. */
    public Optional<Namespace> namespace(String name) {
        return Optional.ofNullable(namespaces.get(name));
    }

    /** The pod of this name. */
    public Optional<Pod> pod(String namespace, String name) {
        return Optional.ofNullable(pods.get(new ObjectKey(ObjectKind.POD, namespace, name)));
    }
}
