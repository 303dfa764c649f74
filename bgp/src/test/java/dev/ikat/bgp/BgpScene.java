package dev.ikat.bgp;

import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.BgpCommunity;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Reported;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/** Objects for tests, each with what a test says and nothing else. */
public final class BgpScene {
    /** No password. */
    public static final Passwords NO_PASSWORDS = _ -> new Passwords.Entry(Optional.empty(), Optional.of("is missing"));

    private BgpScene() {}

    /** Node number n, at 192.0.2.n with pods in 10.244.n.0/24. */
    public static BgpNode node(int n, String... labels) {
        return new BgpNode(
                "node-" + n,
                Labels.of(labels),
                List.of(IpAddress.parse("192.0.2." + n)),
                Set.of(Cidr.parse("10.244." + n + ".0/24")));
    }

    /** A router at this address, in AS 64500, for all nodes. */
    public static BgpPeer peer(String name, String address, String... labels) {
        return peer(name, address, LabelSelector.EVERYTHING, Optional.empty(), List.of(), labels);
    }

    /** One for the nodes that the selector selects. */
    public static BgpPeer peer(
            String name,
            String address,
            LabelSelector nodes,
            Optional<String> passwordKey,
            List<PrefixRange> accept,
            String... labels) {
        return new BgpPeer(
                name,
                Labels.of(labels),
                nodes,
                new Neighbour(IpAddress.parse(address), Optional.empty(), BgpPeer.PORT),
                64500,
                Optional.empty(),
                OptionalInt.empty(),
                passwordKey,
                BgpPeer.HOLD_TIME,
                Optional.empty(),
                false,
                accept,
                Reported.NOTHING);
    }

    /** Pod CIDRs and these addresses of services, from all nodes to all peers. */
    public static BgpAdvertisement advertisement(String name, boolean podCidrs, ServiceAddresses... services) {
        return advertisement(name, podCidrs, Set.of(services), Set.of(), LabelSelector.EVERYTHING);
    }

    /** The same, with aggregates, to the peers that the selector selects. */
    public static BgpAdvertisement advertisement(
            String name, boolean podCidrs, Set<ServiceAddresses> services, Set<Cidr> aggregates, LabelSelector peers) {
        return new BgpAdvertisement(
                name,
                LabelSelector.EVERYTHING,
                peers,
                podCidrs,
                services,
                aggregates,
                Set.of(),
                Optional.empty(),
                Reported.NOTHING);
    }

    /** These settings of the mesh, in AS 64512. */
    public static BgpSettings settings(BgpSettings.Mesh mesh, boolean podRoutes) {
        return new BgpSettings(64512, mesh, Optional.empty(), Optional.empty(), podRoutes);
    }

    /** What node 1 speaks, all being on one link. */
    public static Speaker plan(
            BgpSettings settings,
            List<BgpNode> others,
            List<BgpPeer> peers,
            List<BgpAdvertisement> advertisements,
            ServiceAddress... services) {
        return plan(settings, node(1), others, _ -> true, peers, advertisements, List.of(services), NO_PASSWORDS);
    }

    /** What a node speaks that can be sent packets for these addresses of services. */
    public static Speaker plan(
            BgpSettings settings,
            BgpNode self,
            List<BgpNode> others,
            Predicate<IpAddress> onLink,
            List<BgpPeer> peers,
            List<BgpAdvertisement> advertisements,
            List<ServiceAddress> services,
            Passwords passwords) {
        List<RouteGroup> routes = new AnnouncedRoutes(settings, self, advertisements, services).groups();
        return SpeakerPlanner.plan(settings, self, others, onLink, peers, advertisements, routes, passwords);
    }

    /** A route that is announced in a session. */
    public record Announced(Cidr prefix, List<BgpCommunity> communities, Optional<Long> localPreference) {}

    /** What is announced in a session, by prefix. */
    public static List<Announced> announced(Speaker speaker, Session session) {
        return session.families().stream()
                .flatMap(family -> speaker.announced(family).stream())
                .flatMap(group -> session.exports().stream()
                        .filter(export -> export.routes().equals(group.reasons()))
                        .flatMap(export -> group.prefixes().stream()
                                .map(prefix -> new Announced(prefix, export.communities(), export.localPreference()))))
                .sorted(Comparator.comparing(Announced::prefix))
                .toList();
    }

    /** Passwords in memory. */
    public static Passwords passwords(Map<String, String> texts) {
        Map<String, String> known = new TreeMap<>(texts);
        return key -> known.containsKey(key)
                ? new Passwords.Entry(Optional.of(new Password(known.getOrDefault(key, ""))), Optional.empty())
                : new Passwords.Entry(Optional.empty(), Optional.of("is missing"));
    }
}
