package dev.ikat.agent.reconcile;

import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.cni.PodLink;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.route.Event;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netconf;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which parts have to look after something changed in the kernel. What a pod's own coming causes concerns nobody; what
 * its going causes can't be told from damage. Not thread-safe: it remembers which links are tunnels.
 */
final class KernelConcerns {
    private static final Logger LOG = LoggerFactory.getLogger(KernelConcerns.class);

    /** Of rp_filter: Documentation/networking/ip-sysctl.rst. */
    private static final int STRICT = 1;

    private final Set<Integer> tunnels;

    /** @param tunnels the indexes of the tunnel links */
    KernelConcerns(Set<Integer> tunnels) {
        this.tunnels = new HashSet<>(tunnels);
    }

    /** The parts that this event concerns; none where it is nobody's concern. */
    Set<Part> of(Event event) {
        return switch (event) {
            case Event.LinkEvent(boolean present, Link link) -> {
                if (LinkNames.isOverlay(link.name())) {
                    if (present) {
                        tunnels.add(link.index());
                    } else {
                        tunnels.remove(link.index());
                    }
                    yield EnumSet.of(Part.OVERLAY);
                }
                if (PodLink.isHostEnd(link)) {
                    yield present && link.isUp() && PodLink.isAddressed(link) ? none() : EnumSet.of(Part.PODS);
                }
                // The uplink, or what may become it.
                yield link.isKind("veth") && LinkNames.isPodLink(link.name())
                        ? none()
                        : EnumSet.copyOf(KernelWatch.NODE_CHANGE);
            }
            case Event.AddressEvent _ -> EnumSet.copyOf(KernelWatch.NODE_CHANGE);
            case Event.RouteEvent(boolean present, var route) -> {
                if (route.protocol() != RouteProtocol.IKAT) {
                    yield none();
                }
                boolean overlay = route.gateway().isPresent() || route.type() != RouteType.UNICAST;
                yield overlay ? EnumSet.of(Part.OVERLAY) : present ? none() : EnumSet.of(Part.PODS);
            }
            case Event.NeighbourEvent(boolean present, var neighbour) -> {
                if (!neighbour.isPermanent()) {
                    yield none();
                }
                boolean overlay = tunnels.contains(neighbour.interfaceIndex());
                yield overlay ? EnumSet.of(Part.OVERLAY) : present ? none() : EnumSet.of(Part.PODS);
            }
            case Event.FdbEvent(boolean _, var entry) ->
                tunnels.contains(entry.interfaceIndex()) ? EnumSet.of(Part.OVERLAY) : none();
            case Event.RuleEvent _ -> none();
            case Event.NetconfEvent(boolean present, Netconf settings) -> present ? of(settings) : none();
            case Event.Resync(String reason) -> {
                LOG.atInfo().addKeyValue("reason", reason).log("resync");
                yield EnumSet.allOf(Part.class);
            }
        };
    }

    private Set<Part> of(Netconf settings) {
        boolean forwards = settings.forwarding().orElse(true);
        int index = settings.interfaceIndex();
        if (index == Netconf.ALL || index == Netconf.DEFAULT) {
            return forwards ? none() : EnumSet.of(Part.FORWARDING);
        }
        boolean strict = settings.reversePathFilter().orElse(0) == STRICT;
        boolean harmless = forwards && !strict && !settings.proxy().orElse(false);
        // A new link's settings are the host's defaults, which whoever makes it changes next.
        if (harmless || settings.isComplete()) {
            return none();
        }
        return tunnels.contains(index) ? EnumSet.of(Part.OVERLAY) : EnumSet.of(Part.FORWARDING, Part.PODS);
    }

    private static Set<Part> none() {
        return EnumSet.noneOf(Part.class);
    }
}
