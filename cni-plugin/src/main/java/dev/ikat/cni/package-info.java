/**
 * The Container Network Interface (CNI), versions 0.3.1 to 1.1.0: requests are read and validated here, the verbs
 * carried out, and results and errors written in the version that was asked for. ADD is all or nothing: each step has
 * its undo, and a process that dies in between leaves a lease that tells its successor what to undo. DEL succeeds where
 * there is nothing left to do. Section names in the comments are those of the CNI specification, SPEC.md.
 *
 * <p>{@link dev.ikat.cni.CniPlugin} is served by the node agent and, where that is down, by a JVM of its own
 * ({@link dev.ikat.cni.cold}); {@link dev.ikat.cni.PodNetwork} is what differs between them. It stands on
 * {@link dev.ikat.netlink} for wiring and {@link dev.ikat.ipam} for addresses, and knows no cluster.
 */
@NullMarked
package dev.ikat.cni;

import org.jspecify.annotations.NullMarked;
