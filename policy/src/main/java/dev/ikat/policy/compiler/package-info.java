/**
 * From what the cluster says to what this node enforces: cluster changes and the node's endpoints in,
 * {@link dev.ikat.policy.program.PolicyChange}s out. An event costs what it changes, not what exists.
 */
@NullMarked
package dev.ikat.policy.compiler;

import org.jspecify.annotations.NullMarked;
