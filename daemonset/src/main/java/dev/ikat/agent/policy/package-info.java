/**
 * Network policy on this node: {@link dev.ikat.agent.policy.PolicyKeeper} keeps what the kernel enforces equal to the
 * cluster's policies and this node's pods. Beside it: what the program in force means for connections that are open
 * already ({@link dev.ikat.agent.policy.ConnectionCutter}), and what it drops
 * ({@link dev.ikat.agent.policy.DropReader}). A pod's ADD is answered only when its policy is in force.
 */
@NullMarked
package dev.ikat.agent.policy;

import org.jspecify.annotations.NullMarked;
