package dev.ikat.agent.node;

import dev.ikat.agent.overlay.GuardPlanner;
import dev.ikat.agent.overlay.InForce;
import dev.ikat.agent.overlay.OverlayPlanner;
import dev.ikat.agent.overlay.OverlaySettings;
import dev.ikat.agent.overlay.OverlayState;
import dev.ikat.agent.overlay.Uplink;
import dev.ikat.cluster.Node;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;

/**
 * Everything that determines this node's network at one moment, and the resulting desired state. Immutable.
 *
 * @param self this node, with pod CIDRs and an address
 * @param uplink the interface to the other nodes
 * @param overlay the desired state of the overlay
 * @param masquerade which traffic is masqueraded
 * @param guard which source may arrive on which path
 */
public record NodeSituation(
        Node self, Uplink uplink, OverlayState overlay, MasqueradeState masquerade, GuardState guard) {
    /**
     * @param apiServers where the cluster's API is asked
     * @param inForce who has which block and address now
     * @param masqueraded whether addresses are hidden at all
     * @param masqueradesForeign whether those of others than pods are hidden from other nodes' pods, too
     */
    static NodeSituation of(
            OverlaySettings settings,
            Collection<Node> nodes,
            Node self,
            Uplink uplink,
            Set<IpAddress> apiServers,
            InForce inForce,
            boolean masqueraded,
            boolean masqueradesForeign) {
        OverlayState overlay = OverlayPlanner.plan(settings, self, nodes, uplink, apiServers, inForce);
        return new NodeSituation(
                self,
                uplink,
                overlay,
                // A block that is not believed, such as 0.0.0.0/0, would have nothing masqueraded any more.
                new MasqueradeState(overlay.ownBlocks(), overlay.clusterBlocks(), masqueradesForeign),
                GuardPlanner.plan(settings, self, nodes, uplink, overlay, masqueraded));
    }

    /** The families that pods of this node have addresses of. */
    Set<IpFamily> families() {
        Set<IpFamily> families = EnumSet.noneOf(IpFamily.class);
        self.podCidrs().forEach(cidr -> families.add(cidr.family()));
        return families;
    }
}
