package dev.ikat.policy.compiler;

import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.ObjectKey;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** A name that is a namespace's: its object may be missing, as objects come in any order. */
final class NamespaceRecord {
    final String name;
    Optional<Namespace> object = Optional.empty();
    final Map<String, PodRecord> pods = new HashMap<>();

    /** Those of the pods that the cluster knows. */
    final PodIndex labelled = new PodIndex(pods.values());

    final TreeMap<ObjectKey, PolicyRecord> policies = new TreeMap<>();

    /** The policies by whom they select. */
    final SelectorIndex<PolicyRecord> selecting = new SelectorIndex<>();

    /** Those of its pods on this node. */
    final Set<EndpointRecord> endpoints = new HashSet<>();

    /** Those that include it. */
    final Set<LiveReach> reaches = new HashSet<>();

    NamespaceRecord(String name) {
        this.name = name;
    }

    /** Whether nothing is left of it. */
    boolean isGone() {
        return object.isEmpty() && pods.isEmpty() && policies.isEmpty();
    }
}
