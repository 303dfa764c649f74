/**
 * The cluster as Kubernetes tells it: a {@link dev.ikat.kubernetes.ClusterSource} is opened with the kinds of objects
 * that somebody wants to know, and tells each listener of those that it asks for.
 * {@link dev.ikat.kubernetes.KubernetesSource} asks the API, and {@link dev.ikat.kubernetes.ManifestDirectory} reads
 * files; what comes after them is the same for both. While a source can't be asked, what it said last stays in force,
 * and what can't be read of an object allows nothing. Its neighbours are {@link dev.ikat.cluster}, whose values it
 * makes, and whoever wants to know them: the agent, and a command line without one.
 *
 * <p>A new kind is an {@code ObjectForm}, which reads and writes its objects, and an
 * {@link dev.ikat.kubernetes.ApiKind}, which says where the API has them; {@code NodeForm} is an example. No other
 * class knows one kind from another.
 */
@NullMarked
package dev.ikat.kubernetes;

import org.jspecify.annotations.NullMarked;
