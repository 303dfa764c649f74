package dev.ikat.agent.firewall;

import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.OverlayRoute;
import dev.ikat.agent.overlay.OverlayState;
import dev.ikat.agent.overlay.Peer;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.netfilter.BaseChain.Hook;
import dev.ikat.netlink.netfilter.ExpectedPacket;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What arrives at this node from other nodes. Of each of some of them there is one packet, as connection tracking sees
 * it, and as it is if that does not look at it.
 *
 * @param tunnelPort the tunnels' UDP port; empty where there are none
 * @param tunnels of their tunnels
 * @param pods of their pods, to pods of this node, where these come without a tunnel
 * @param between between two pods of this node, of each address family
 */
record Arrivals(
        OptionalInt tunnelPort,
        List<List<ExpectedPacket>> tunnels,
        List<List<ExpectedPacket>> pods,
        List<List<ExpectedPacket>> between) {
    /** Nothing. */
    static final Arrivals NONE = new Arrivals(OptionalInt.empty(), List.of(), List.of(), List.of());

    /** Rules that are about some nodes only are about few; to look at all of a large cluster costs too much. */
    private static final int NODES_TRIED = 16;

    Arrivals {
        tunnels = List.copyOf(tunnels);
        pods = List.copyOf(pods);
        between = List.copyOf(between);
    }

    /** Those of other nodes that chains at this hook see. */
    List<List<ExpectedPacket>> at(Hook hook) {
        return switch (hook) {
            case INPUT -> tunnels;
            case FORWARD -> pods;
            case PREROUTING, OUTPUT, POSTROUTING -> List.of();
        };
    }

    static Arrivals of(NodeSituation now) {
        List<OverlayState.Tunnel> tunnels = now.overlay().tunnels();
        return new Arrivals(
                tunnelPort(now),
                tunnels.stream()
                        .flatMap(tunnel -> now.overlay().peers().stream()
                                .flatMap(peer -> source(peer, tunnel.local()).stream())
                                .limit(NODES_TRIED)
                                .map(source -> packets(now, source, tunnel)))
                        .toList(),
                now.self().podCidrs().stream()
                        .flatMap(own -> now.overlay().peers().stream()
                                .flatMap(peer -> peer.routes().stream())
                                .filter(route -> route instanceof OverlayRoute.Direct
                                        && route.destination().family() == own.family())
                                .limit(NODES_TRIED)
                                .map(route -> packets(now, somePod(route.destination()), somePod(own))))
                        .toList(),
                now.self().podCidrs().stream()
                        .map(own -> both(tracked -> ExpectedPacket.betweenPods(somePod(own), own.last(), tracked)))
                        .toList());
    }

    /** A packet as connection tracking sees it, and as it is if that does not look at it. */
    static List<ExpectedPacket> both(Function<Boolean, ExpectedPacket> packet) {
        return Stream.of(true, false).map(packet).toList();
    }

    /** The UDP port of the node's tunnels; empty where there are none. */
    static OptionalInt tunnelPort(NodeSituation now) {
        return now.overlay().tunnels().stream()
                .mapToInt(OverlayState.Tunnel::port)
                .findFirst();
    }

    /** An address that a pod of this block may have. */
    private static IpAddress somePod(Cidr block) {
        return block.contains(block.network().next()) ? block.network().next() : block.network();
    }

    private static List<ExpectedPacket> packets(NodeSituation now, IpAddress source, IpAddress destination) {
        return both(tracked -> ExpectedPacket.toPod(
                source, destination, now.uplink().name(), now.uplink().index(), tracked));
    }

    /** Where the packets of a node's tunnel over this family come from. */
    private static List<IpAddress> source(Peer peer, IpAddress local) {
        boolean tunnelled = peer.routes().stream()
                .anyMatch(route ->
                        route instanceof OverlayRoute.Tunnelled through && through.underlay() == local.family());
        return peer.addresses().stream()
                .filter(address -> tunnelled && address.family() == local.family())
                .limit(1)
                .toList();
    }

    private static List<ExpectedPacket> packets(NodeSituation now, IpAddress source, OverlayState.Tunnel tunnel) {
        return both(tracked -> ExpectedPacket.udp(
                source,
                tunnel.local(),
                tunnel.port(),
                now.uplink().name(),
                now.uplink().index(),
                tracked));
    }
}
