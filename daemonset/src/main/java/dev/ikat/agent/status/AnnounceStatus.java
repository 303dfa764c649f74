package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.announce.AnnounceState;
import dev.ikat.agent.announce.LinkState;
import java.util.function.Supplier;

/**
 * Who announces which address of a load balancer by ARP and neighbour discovery, on each link, and what is wrong.
 *
 * @param state what has become of it
 */
public record AnnounceStatus(Supplier<AnnounceState> state) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        AnnounceState now = state.get();
        if (!now.announced()) {
            return;
        }
        ObjectNode announce = status.putObject("announce");
        ArrayNode links = announce.putArray("links");
        for (LinkState link : now.links()) {
            ObjectNode one = links.addObject();
            one.put("link", link.link().value());
            one.put("standing", link.standing());
            one.put("active", link.active());
            ArrayNode heard = one.putArray("hears");
            link.heard().forEach(heard::add);
            one.put("announces", link.own());
            ArrayNode addresses = one.putArray("addresses");
            link.owners().forEach((address, owner) -> {
                ObjectNode entry = addresses.addObject();
                entry.put("address", address.toString());
                owner.ifPresentOrElse(
                        node -> {
                            entry.put("node", node);
                            entry.put("here", node.equals(now.node()));
                        },
                        () -> entry.put("reason", now.why(address)));
            });
        }
        ArrayNode faults = announce.putArray("faults");
        now.faults().forEach(faults::add);
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode announce = status.path("announce");
        if (announce.isMissingNode()) {
            return;
        }
        JsonNode links = announce.path("links");
        text.line("announce", links.isEmpty() ? "on no interface" : "by ARP and neighbour discovery");
        for (JsonNode link : links) {
            text.more("%s: this node %s, hears %d others, announces %d of %d addresses"
                    .formatted(
                            link.path("link").asText(),
                            link.path("standing").asText(),
                            link.path("hears").size(),
                            link.path("announces").asInt(),
                            link.path("addresses").size()));
            for (JsonNode address : link.path("addresses")) {
                text.more("%s on %s: %s"
                        .formatted(
                                address.path("address").asText(),
                                link.path("link").asText(),
                                announcer(address)));
            }
        }
        text.faults(announce.path("faults"));
    }

    private static String announcer(JsonNode address) {
        if (!address.has("node")) {
            return "announced by no node, because " + address.path("reason").asText();
        }
        return address.path("here").asBoolean()
                ? "announced by this node"
                : "announced by " + address.path("node").asText();
    }
}
