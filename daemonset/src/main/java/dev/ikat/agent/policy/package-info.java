/**
 * Network policy on this node: what the program in force means for connections that are open already
 * ({@link dev.ikat.agent.policy.ConnectionCutter}), and what it drops ({@link dev.ikat.agent.policy.DropReader}).
 */
@NullMarked
package dev.ikat.agent.policy;

import org.jspecify.annotations.NullMarked;
