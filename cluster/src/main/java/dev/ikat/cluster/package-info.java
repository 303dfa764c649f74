/**
 * The cluster as values: its nodes, pods, namespaces and network policies with all of the networking.k8s.io/v1
 * specification, services with their endpoints, their keys, and what changes between two moments. Every constructor
 * checks what the Kubernetes API server would check, so that an object that exists is one that a cluster could have.
 *
 * <p>What may be an object is open: other modules define kinds of their own. What a policy is, and what it selects, is
 * closed ({@link dev.ikat.cluster.PolicyObject}). Where objects come from, and which form they had there, is not known
 * here: the module kubernetes reads them. Policies are compiled from them by {@code dev.ikat.policy}, services by
 * {@code dev.ikat.services}. Below is {@link dev.ikat.model} alone.
 */
@NullMarked
package dev.ikat.cluster;

import org.jspecify.annotations.NullMarked;
