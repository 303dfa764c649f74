package dev.ikat.bgp;

import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.Session.Peer;
import dev.ikat.bgp.Session.Reflection;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Computes what one node speaks. A pure function: no kernel, no clock, no memory. By default a node uses of a
 * neighbour's routes those to the pods of other nodes alone, and these only where no overlay leads to them.
 */
public final class SpeakerPlanner {
    /** What BIRD takes for "as far as it needs to be". */
    private static final int ANYWHERE = 64;

    private final BgpSettings settings;
    private final BgpNode self;
    private final List<BgpNode> others;
    private final Predicate<IpAddress> onLink;
    private final Passwords passwords;

    private SpeakerPlanner(
            BgpSettings settings,
            BgpNode self,
            List<BgpNode> others,
            Predicate<IpAddress> onLink,
            Passwords passwords) {
        this.settings = settings;
        this.self = self;
        this.others = others;
        this.onLink = onLink;
        this.passwords = passwords;
    }

    /**
     * What this node speaks.
     *
     * @param self this node
     * @param others the other nodes
     * @param onLink whether an address is on a link of this node
     * @param peers the peers in force, of which no two have one neighbour
     * @param routes what this node announces
     * @param passwords has the passwords of all these peers
     */
    public static Speaker plan(
            BgpSettings settings,
            BgpNode self,
            List<BgpNode> others,
            Predicate<IpAddress> onLink,
            Collection<BgpPeer> peers,
            Collection<BgpAdvertisement> advertisements,
            List<RouteGroup> routes,
            Passwords passwords) {
        return new SpeakerPlanner(settings, self, others, onLink, passwords).plan(peers, advertisements, routes);
    }

    private Speaker plan(
            Collection<BgpPeer> peers, Collection<BgpAdvertisement> advertisements, List<RouteGroup> routes) {
        List<Session> sessions = new ArrayList<>();
        Set<Neighbour> neighbours = new HashSet<>();
        for (BgpPeer peer : peers) {
            if (PeerReview.selects(peer, self) && !PeerReview.isItself(peer, self)) {
                neighbours.add(peer.neighbour());
                sessions.add(session(peer, exports(peer, advertisements, routes)));
            }
        }
        if (settings.podRoutes()) {
            List<Export> toNodes = routes.stream()
                    .map(RouteGroup::reasons)
                    .filter(RouteGroup.Reasons::nodes)
                    .map(Export::of)
                    .toList();
            for (BgpNode other : others) {
                mesh(other, toNodes).stream()
                        .filter(session -> !neighbours.contains(session.neighbour()))
                        .forEach(sessions::add);
            }
        }
        return new Speaker(routerId(), self.podCidrs(), routes, sessions);
    }

    /** An address that it has, or where it has none of IPv4, a number that hardly any other node comes to. */
    private IpAddress routerId() {
        return self.address(IpFamily.IPV4).orElseGet(() -> {
            int bits = Fingerprint.of(self.name());
            return IpAddress.v4(bits == 0 ? 1 : bits);
        });
    }

    private Session session(BgpPeer peer, List<Export> exports) {
        IpFamily transport = peer.neighbour().family();
        Set<IpFamily> families = EnumSet.of(transport);
        boolean extended = peer.extendedNextHop() && transport == IpFamily.IPV6;
        if (extended) {
            families.add(IpFamily.IPV4);
        }
        List<PrefixRange> imports = new ArrayList<>(peer.accept());
        if (settings.podRoutes()) {
            others.forEach(other -> imports.addAll(blocks(other)));
        }
        Optional<IpAddress> local = peer.multihop().isPresent() ? self.address(transport) : Optional.empty();
        Peer router = new Peer.Router(peer.name());
        return new Session(
                Session.Name.of(router, transport),
                router,
                peer.neighbour(),
                local,
                peer.localAs().orElse(settings.as()),
                peer.as(),
                peer.multihop(),
                families,
                extended,
                peer.passwordKey().flatMap(key -> passwords.find(key).password()),
                peer.holdTime(),
                peer.bfd().filter(_ -> peer.multihop().isEmpty() || local.isPresent()),
                Reflection.NONE,
                of(families, imports),
                exports);
    }

    private static List<PrefixRange> of(Set<IpFamily> families, List<PrefixRange> ranges) {
        return ranges.stream()
                .filter(range -> families.contains(range.cidr().family()))
                .toList();
    }

    private static List<PrefixRange> blocks(BgpNode node) {
        return node.podCidrs().stream().sorted().map(PrefixRange::of).toList();
    }

    /** What is announced to a peer: each group with the attributes of the advertisements that are for this peer. */
    private static List<Export> exports(
            BgpPeer peer, Collection<BgpAdvertisement> advertisements, List<RouteGroup> routes) {
        List<BgpAdvertisement> ofPeer = advertisements.stream()
                .filter(advertisement -> advertisement.peerSelector().matches(peer.labels()))
                .toList();
        List<Export> all = new ArrayList<>();
        for (RouteGroup group : routes) {
            List<BgpAdvertisement> saying = ofPeer.stream()
                    .filter(advertisement -> group.reasons().advertisements().contains(advertisement.name()))
                    .toList();
            if (!saying.isEmpty()) {
                Export export = Export.of(group.reasons());
                for (BgpAdvertisement advertisement : saying) {
                    export = export.and(advertisement);
                }
                all.add(export);
            }
        }
        return all;
    }

    /** The sessions with another node: one over each family that both have addresses of. */
    private List<Session> mesh(BgpNode other, List<Export> exports) {
        boolean spoken = settings.mesh() == Mesh.FULL
                || (settings.mesh() == Mesh.REFLECTORS && (self.isReflector() || other.isReflector()));
        if (!spoken) {
            return List.of();
        }
        List<IpFamily> common = Stream.of(IpFamily.values())
                .filter(family -> self.address(family).isPresent()
                        && other.address(family).isPresent())
                .toList();
        return common.stream()
                .map(family -> mesh(other, family, family == IpFamily.IPV6 && !common.contains(IpFamily.IPV4), exports))
                .toList();
    }

    private Session mesh(BgpNode other, IpFamily transport, boolean extended, List<Export> exports) {
        Set<IpFamily> families = extended ? EnumSet.allOf(IpFamily.class) : EnumSet.of(transport);
        IpAddress address = other.address(transport).orElseThrow();
        boolean reflectors = settings.mesh() == Mesh.REFLECTORS;
        List<PrefixRange> imports = new ArrayList<>();
        if (reflectors && other.isReflector()) {
            others.forEach(node -> imports.addAll(blocks(node)));
        } else {
            imports.addAll(blocks(other));
        }
        Peer node = new Peer.OtherNode(other.name());
        return new Session(
                Session.Name.of(node, transport),
                node,
                new Neighbour(address, Optional.empty(), BgpPeer.PORT),
                self.address(transport),
                settings.as(),
                settings.as(),
                onLink.test(address) ? OptionalInt.empty() : OptionalInt.of(ANYWHERE),
                families,
                extended,
                settings.passwordKey().flatMap(key -> passwords.find(key).password()),
                BgpPeer.HOLD_TIME,
                settings.bfd(),
                reflection(reflectors, other),
                of(families, imports),
                exports);
    }

    private Reflection reflection(boolean reflectors, BgpNode other) {
        if (!reflectors || !self.isReflector()) {
            return Reflection.NONE;
        }
        return other.isReflector() ? Reflection.REFLECTOR : Reflection.CLIENT;
    }
}
