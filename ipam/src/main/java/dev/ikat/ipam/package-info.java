/**
 * Assigns addresses. An {@link dev.ikat.ipam.AddressPlan} says which addresses a network may assign, and the
 * {@link dev.ikat.ipam.LeaseStore} remembers, across processes and crashes, which interface of which container has
 * them. An address is on this node at most once, whatever network asks, and a freed one is assigned again as late as
 * possible. A torn end of the store's file costs the record that was being written, never one before it.
 *
 * <p>Neighbours: {@link dev.ikat.model} below; the CNI plugin and the agent share one store between processes, by a
 * file lock.
 */
@NullMarked
package dev.ikat.ipam;

import org.jspecify.annotations.NullMarked;
