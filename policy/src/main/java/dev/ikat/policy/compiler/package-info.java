/**
 * From what the cluster says to what this node enforces: cluster changes and the node's endpoints in,
 * {@link dev.ikat.policy.program.PolicyChange}s out, and nothing else. An event costs what it changes, not what exists.
 * After every step the changes so far, applied one after the other, make the program that a compilation of everything
 * would make.
 *
 * <p>Neighbours: {@link dev.ikat.cluster}, whose objects it reads, and {@link dev.ikat.policy.program}, whose values it
 * makes. It knows no kernel and no Kubernetes client.
 */
@NullMarked
package dev.ikat.policy.compiler;

import org.jspecify.annotations.NullMarked;
