/**
 * What filters packets on this node: {@link dev.ikat.agent.dataplane.Dataplanes} opens the backends and removes what
 * others left, {@link dev.ikat.agent.dataplane.NodePolicy} keeps policies in force by one of them.
 */
@NullMarked
package dev.ikat.agent.dataplane;

import org.jspecify.annotations.NullMarked;
