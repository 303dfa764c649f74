package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.NodeFault;
import dev.ikat.agent.overlay.OverlayMode;
import dev.ikat.agent.overlay.OverlayRoute;
import dev.ikat.agent.overlay.OverlayState;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The path to each other node's pods, and the faults of these paths.
 *
 * @param mode how nodes are joined
 * @param situation what is known of the node; empty before its object is
 * @param faults in a stable order
 */
public record OverlayStatus(
        OverlayMode mode, Supplier<Optional<NodeSituation>> situation, Supplier<List<NodeFault>> faults)
        implements StatusSection {
    private record Peer(String destination, String by, String via) {}

    /** The outer family is named only where there is more than one. */
    private static String tunnel(OverlayRoute.Tunnelled route, OverlayState overlay) {
        return overlay.tunnels().size() > 1 ? "tunnel over " + route.underlay().title() : "tunnel";
    }

    @Override
    public void collect(ObjectNode status) {
        ObjectNode overlay = status.putObject("overlay").put("mode", mode.name().toLowerCase(Locale.ROOT));
        situation.get().ifPresent(known -> describe(known, overlay));
        ArrayNode named = overlay.putArray("faults");
        faults.get().forEach(fault -> named.add(fault.text()));
    }

    private static void describe(NodeSituation situation, ObjectNode overlay) {
        overlay.put("uplink", situation.uplink().name().value());
        overlay.put("podMtu", situation.overlay().podMtu());
        ArrayNode peers = overlay.putArray("peers");
        List<Peer> found = new ArrayList<>();
        for (OverlayRoute route : situation.overlay().routes()) {
            switch (route) {
                case OverlayRoute.Tunnelled tunnelled ->
                    found.add(new Peer(
                            tunnelled.destination().toString(),
                            tunnel(tunnelled, situation.overlay()),
                            tunnelled.via().toString()));
                case OverlayRoute.Direct direct ->
                    found.add(new Peer(
                            direct.destination().toString(),
                            "route",
                            direct.via().toString()));
                case OverlayRoute.Unreachable _, OverlayRoute.Answering _ -> {
                    // The node's own block, or one that nothing leads to; the faults name the latter.
                }
            }
        }
        found.sort(Comparator.comparing(Peer::destination));
        found.forEach(peer -> peers.addObject()
                .put("pods", peer.destination())
                .put("by", peer.by())
                .put("via", peer.via()));
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode overlay = status.path("overlay");
        text.line(
                "overlay",
                overlay.has("uplink")
                        ? "%s, uplink %s, pods' MTU %d"
                                .formatted(
                                        overlay.path("mode").asText(),
                                        overlay.path("uplink").asText(),
                                        overlay.path("podMtu").asInt())
                        : overlay.path("mode").asText());
        overlay.path("peers")
                .forEach(peer -> text.more("%s by %s via %s"
                        .formatted(
                                peer.path("pods").asText(),
                                peer.path("by").asText(),
                                peer.path("via").asText())));
        text.faults(overlay.path("faults"));
    }
}
