/**
 * BGP on this node: {@link dev.ikat.agent.bgp.BgpKeeper} computes what has to be spoken from the cluster's objects, has
 * BIRD run by it, and watches what becomes of the sessions. A peer that is down is no reason for a node not to be
 * ready: pods of this node reach each other all the same. It stands on {@link dev.ikat.bgp}; only
 * {@code dev.ikat.agent} puts it together.
 */
@NullMarked
package dev.ikat.agent.bgp;

import org.jspecify.annotations.NullMarked;
