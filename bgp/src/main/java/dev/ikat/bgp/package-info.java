/**
 * What one node has to speak of BGP. {@link dev.ikat.bgp.SpeakerPlanner} computes a {@link dev.ikat.bgp.Speaker} from
 * the nodes, the {@link dev.ikat.cluster.BgpPeer}s and {@link dev.ikat.cluster.BgpAdvertisement}s, and the addresses of
 * services that {@link dev.ikat.bgp.ServiceRoutes} finds; {@link dev.ikat.bgp.PeerReview} says which objects make no
 * sense. Nothing here knows a daemon: {@link dev.ikat.bgp.bird} does.
 */
@NullMarked
package dev.ikat.bgp;

import org.jspecify.annotations.NullMarked;
