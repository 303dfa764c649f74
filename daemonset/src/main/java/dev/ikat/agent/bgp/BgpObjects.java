package dev.ikat.agent.bgp;

import dev.ikat.bgp.ServiceAddress;
import dev.ikat.bgp.ServiceRoutes;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.Claims;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Node;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/** The cluster's objects that BGP depends on, as they were last heard of. Not thread-safe. */
final class BgpObjects {
    private final SortedMap<String, Node> nodes = new TreeMap<>();
    private final SortedMap<String, BgpPeer> peers = new TreeMap<>();
    private final SortedMap<String, BgpAdvertisement> advertisements = new TreeMap<>();
    private final ServiceRoutes services;

    BgpObjects(String nodeName) {
        this.services = new ServiceRoutes(nodeName);
    }

    /** Takes in what is different, and returns which addresses of services have come and gone by that. */
    Claims.Difference<ServiceAddress> apply(ClusterChange change) {
        change.removed().forEach(this::remove);
        change.updated().forEach(update -> put(update.after()));
        change.added().forEach(this::put);
        return services.apply(change);
    }

    private void put(ClusterObject object) {
        switch (object) {
            case Node node -> nodes.put(node.name(), node);
            case BgpPeer peer -> peers.put(peer.name(), peer);
            case BgpAdvertisement advertisement -> advertisements.put(advertisement.name(), advertisement);
            default -> {
                // Services and endpoints.
            }
        }
    }

    private void remove(ClusterObject object) {
        switch (object) {
            case Node node -> nodes.remove(node.name());
            case BgpPeer peer -> peers.remove(peer.name());
            case BgpAdvertisement advertisement -> advertisements.remove(advertisement.name());
            default -> {
                // Services and endpoints.
            }
        }
    }

    Map<String, Node> nodes() {
        return nodes;
    }

    List<BgpPeer> peers() {
        return List.copyOf(peers.values());
    }

    List<BgpAdvertisement> advertisements() {
        return List.copyOf(advertisements.values());
    }

    SortedSet<ServiceAddress> services() {
        return services.addresses();
    }
}
