/**
 * Hands out addresses. An {@link dev.ikat.ipam.AddressPlan} says which addresses a network may give, and the
 * {@link dev.ikat.ipam.LeaseStore} remembers, across processes and crashes, which interface of which container has
 * them. An address is on this node at most once, whatever network asks, and a freed one is used again as late as
 * possible.
 */
@NullMarked
package dev.ikat.ipam;

import org.jspecify.annotations.NullMarked;
