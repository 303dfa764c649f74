/**
 * The cluster as Kubernetes tells it: a {@link dev.ikat.kubernetes.ClusterSource} says what there is and what changes.
 * {@link dev.ikat.kubernetes.KubernetesSource} asks the API, and {@link dev.ikat.kubernetes.ManifestDirectory} reads
 * files; what comes after them is the same for both. While a source can't be asked, what it said last stays in force,
 * and what can't be read of an object allows nothing. Its neighbours are {@link dev.ikat.cluster}, whose values it
 * makes, and whoever wants to know them: the agent, and a command line without one.
 */
@NullMarked
package dev.ikat.kubernetes;

import org.jspecify.annotations.NullMarked;
