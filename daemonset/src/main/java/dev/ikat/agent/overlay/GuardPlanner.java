package dev.ikat.agent.overlay;

import dev.ikat.cluster.Node;
import dev.ikat.dataplane.GuardState;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import java.util.Collection;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Computes which source may arrive on which path, from the overlay's paths to it. A pure function. A block or address
 * that the overlay has not accepted from a node is neither believed nor denied on any path, because it is not known to
 * whom it belongs.
 */
public final class GuardPlanner {
    private final Node self;
    private final Collection<Node> nodes;
    private final Uplink uplink;
    private final OverlayState overlay;

    private GuardPlanner(Node self, Collection<Node> nodes, Uplink uplink, OverlayState overlay) {
        this.self = self;
        this.nodes = nodes;
        this.uplink = uplink;
        this.overlay = overlay;
    }

    /**
     * The desired state of this node's source guard.
     *
     * @param nodes the cluster's nodes, with or without this one
     * @param overlay the desired state of the overlay
     * @param masqueraded whether traffic to the nodes is masqueraded
     */
    public static GuardState plan(
            OverlaySettings settings,
            Node self,
            Collection<Node> nodes,
            Uplink uplink,
            OverlayState overlay,
            boolean masqueraded) {
        return new GuardPlanner(self, nodes, uplink, overlay).plan(settings, masqueraded);
    }

    private GuardState plan(OverlaySettings settings, boolean masqueraded) {
        boolean tunnels = OverlayPlanner.tunnels(settings.mode());
        Set<GuardState.Peer> peers = overlay.peers().stream()
                .map(this::peer)
                .filter(peer -> !peer.blocks().isEmpty())
                .collect(Collectors.toSet());
        Set<IpAddress> nodeAddresses = new HashSet<>(overlay.tunnelAddresses());
        nodeAddresses.addAll(overlay.neighbours().keySet());
        nodeAddresses.addAll(self.internalIps());
        nodes.forEach(node -> nodeAddresses.addAll(node.internalIps()));
        if (tunnels) {
            // A tunnel link's socket takes what comes to any address of its node.
            nodeAddresses.addAll(overlay.answering());
            overlay.peers().stream()
                    .flatMap(peer -> peer.routes().stream())
                    .filter(OverlayRoute.Direct.class::isInstance)
                    .forEach(route -> nodeAddresses.add(route.destination().network()));
        }
        Set<IpAddress> carried =
                uplink.addresses().stream().map(InterfaceAddress::address).collect(Collectors.toSet());
        return new GuardState(
                tunnels ? Optional.of(new GuardState.Tunnel(settings.port(), settings.vni())) : Optional.empty(),
                peers,
                nodeAddresses,
                overlay.ownBlocks().stream().filter(this::isPodsOnly).collect(Collectors.toSet()),
                // Others may be translated on the way to this node, and then come from it.
                self.internalIps().stream().filter(carried::contains).collect(Collectors.toSet()),
                uplink.name(),
                masqueraded);
    }

    private GuardState.Peer peer(Peer node) {
        Set<Cidr> tunnelled = new HashSet<>();
        Set<Cidr> direct = new HashSet<>();
        for (OverlayRoute route : node.routes()) {
            if (isPodsOnly(route.destination())) {
                switch (route) {
                    case OverlayRoute.Tunnelled _ -> tunnelled.add(route.destination());
                    case OverlayRoute.Direct _ -> direct.add(route.destination());
                    case OverlayRoute.Unreachable _, OverlayRoute.Answering _ -> {
                        // This node's own, and no peer's.
                    }
                }
            }
        }
        return new GuardState.Peer(Set.copyOf(node.addresses()), tunnelled, direct);
    }

    /** A block with nodes in it, or the uplink's own network, would shut these out. */
    private boolean isPodsOnly(Cidr block) {
        return self.internalIps().stream().noneMatch(block::contains)
                && nodes.stream().flatMap(node -> node.internalIps().stream()).noneMatch(block::contains)
                && uplink.addresses().stream()
                        .noneMatch(address -> address.cidr().overlaps(block));
    }
}
