/**
 * Addresses of load balancers on flat networks: on each link that is used for it, the nodes elect one of them for each
 * address, and that one answers ARP and neighbour discovery. {@link dev.ikat.agent.announce.Membership} says which
 * nodes there are, by the heartbeats that they send each other; {@link dev.ikat.agent.announce.Election} gives each
 * address to one of them; {@link dev.ikat.agent.announce.LinkAnnouncer} does what follows from that on one link, on a
 * thread of its own; {@link dev.ikat.agent.announce.AnnounceKeeper} tells all of them what the cluster says. Only
 * {@code dev.ikat.agent} puts it together.
 */
@NullMarked
package dev.ikat.agent.announce;

import org.jspecify.annotations.NullMarked;
