/**
 * Where the agent learns what the cluster is: a {@link dev.ikat.agent.cluster.ClusterSource} says what there is and
 * what changes. {@link dev.ikat.agent.cluster.ManifestDirectory} reads it from files.
 */
@NullMarked
package dev.ikat.agent.cluster;

import org.jspecify.annotations.NullMarked;
