/**
 * The cluster as values: its nodes, pods, namespaces and network policies with all of the networking.k8s.io/v1
 * specification, and the {@link dev.ikat.cluster.ClusterState} that holds them at one moment. Where they come from, and
 * which form they had there, is not known here; every constructor checks what the Kubernetes API server would check.
 */
@NullMarked
package dev.ikat.cluster;

import org.jspecify.annotations.NullMarked;
