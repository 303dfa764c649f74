package dev.ikat.agent.bgp;

import dev.ikat.agent.config.BgpOptions;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.Uplink;
import dev.ikat.bgp.AnnouncedRoutes;
import dev.ikat.bgp.BgpNode;
import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.Finding;
import dev.ikat.bgp.PeerReview;
import dev.ikat.bgp.RouteGroup;
import dev.ikat.bgp.ServiceAddress;
import dev.ikat.bgp.Speaker;
import dev.ikat.bgp.SpeakerPlanner;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.Claims;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What this node has to speak, by what is known. It is computed anew only as far as something is different: an address
 * of a service that comes or goes costs no look at the others. Not thread-safe.
 */
final class BgpPlan {
    private final String nodeName;
    private final BgpOptions options;
    private final SeenPasswords passwords;
    private final BgpObjects objects;
    private final PeerReview review = new PeerReview();

    private boolean clusterKnown;
    private boolean otherRoutes;
    private long count;
    private Optional<Planned> planned = Optional.empty();

    BgpPlan(String nodeName, BgpOptions options) {
        this.nodeName = nodeName;
        this.options = options;
        this.passwords = new SeenPasswords(new PasswordFiles(options.passwords()));
        this.objects = new BgpObjects(nodeName);
    }

    /** All that the sessions depend on, but passwords. */
    record Input(
            BgpNode self,
            List<BgpNode> others,
            Uplink uplink,
            List<BgpPeer> peers,
            List<BgpAdvertisement> advertisements) {
        /** This node and the others. */
        List<BgpNode> nodes() {
            List<BgpNode> all = new ArrayList<>(others);
            all.add(self);
            return all;
        }
    }

    /**
     * What follows from it.
     *
     * @param number from 1, another one where anything is different
     * @param input from what
     * @param routes what is announced
     * @param reviewed what has become of the objects
     * @param speaker what is to be spoken
     * @param faults what is wrong with objects, and with the settings together with the nodes, a sentence each
     */
    record Planned(
            long number,
            Input input,
            AnnouncedRoutes routes,
            PeerReview.Result reviewed,
            Speaker speaker,
            List<String> faults) {}

    /** Takes in what is different; the first change has all objects. */
    void take(ClusterChange change) {
        clusterKnown = true;
        Claims.Difference<ServiceAddress> difference = objects.apply(change);
        planned.ifPresent(plan -> {
            difference.gone().forEach(plan.routes()::remove);
            difference.come().forEach(plan.routes()::add);
        });
        otherRoutes |= !difference.isEmpty();
    }

    /**
     * What is to be spoken now.
     *
     * @return empty as long as the cluster is not known
     */
    Optional<Planned> refresh(NodeSituation situation) {
        if (!clusterKnown) {
            return Optional.empty();
        }
        Input now = input(situation);
        if (planned.isEmpty() || !planned.get().input().equals(now) || passwords.areOthers()) {
            planned = Optional.of(plan(now));
        } else if (otherRoutes) {
            planned = planned.map(this::withOtherRoutes);
        }
        otherRoutes = false;
        return planned;
    }

    private Input input(NodeSituation situation) {
        return new Input(
                node(
                        nodeName,
                        situation.self().internalIps(),
                        situation.overlay().ownBlocks()),
                situation.overlay().peers().stream()
                        .map(peer -> node(peer.node(), peer.addresses(), peer.podCidrs()))
                        .toList(),
                situation.uplink(),
                objects.peers(),
                objects.advertisements());
    }

    private BgpNode node(String name, List<IpAddress> addresses, Set<Cidr> blocks) {
        Labels labels =
                Optional.ofNullable(objects.nodes().get(name)).map(Node::labels).orElse(Labels.NONE);
        return new BgpNode(name, labels, addresses, blocks);
    }

    private Planned plan(Input now) {
        passwords.forget();
        PeerReview.Result reviewed = review.review(now.peers(), now.advertisements(), now.nodes(), passwords);
        AnnouncedRoutes routes =
                new AnnouncedRoutes(options.settings(), now.self(), now.advertisements(), objects.services());
        count++;
        return new Planned(
                count,
                now,
                routes,
                reviewed,
                speaker(now, reviewed.peers(), routes.groups()),
                faults(reviewed.findings(), now.nodes()));
    }

    private Speaker speaker(Input now, List<BgpPeer> peers, List<RouteGroup> routes) {
        return SpeakerPlanner.plan(
                options.settings(),
                now.self(),
                now.others(),
                now.uplink()::reachesDirectly,
                peers,
                now.advertisements(),
                routes,
                passwords);
    }

    private Planned withOtherRoutes(Planned before) {
        List<RouteGroup> routes = before.routes().groups();
        boolean sameReasons = reasons(routes).equals(reasons(before.speaker().routes()));
        Speaker speaker = sameReasons
                ? before.speaker().with(routes)
                : speaker(before.input(), before.reviewed().peers(), routes);
        count++;
        return new Planned(count, before.input(), before.routes(), before.reviewed(), speaker, before.faults());
    }

    private static List<RouteGroup.Reasons> reasons(List<RouteGroup> routes) {
        return routes.stream().map(RouteGroup::reasons).toList();
    }

    private List<String> faults(List<Finding> found, List<BgpNode> all) {
        List<String> lines = new ArrayList<>();
        found.forEach(finding -> lines.add(finding.toString()));
        boolean reflectors =
                all.stream().anyMatch(node -> node.labels().values().containsKey(BgpNode.REFLECTOR_LABEL));
        if (options.settings().podRoutes() && options.settings().mesh() == Mesh.REFLECTORS && !reflectors) {
            lines.add("bgp-mesh is reflectors, and no node has the label " + BgpNode.REFLECTOR_LABEL
                    + ", so that nodes do not learn where other nodes' pods are; label two or three nodes");
        }
        options.settings()
                .passwordKey()
                .flatMap(key -> passwords.find(key).fault())
                .ifPresent(fault -> {
                    String key = options.settings().passwordKey().orElseThrow();
                    lines.add("bgp-mesh-password: the password '" + key + "' " + fault);
                });
        return lines;
    }
}
