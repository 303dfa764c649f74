package dev.ikat.bgp;

import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.ObjectKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds objects that their schema lets through and that make no sense. Of a peer that can't be spoken to as it is now,
 * the last version that could stays in force. Every node comes to the same findings, as far as all see the same
 * passwords. Not thread-safe.
 */
public final class PeerReview {
    private final Map<ObjectKey, BgpPeer> inForce = new HashMap<>();

    /** Has reviewed nothing yet. */
    public PeerReview() {}

    /**
     * What became of the objects.
     *
     * @param peers those that are in force, by name, none with the neighbour of another on any node
     * @param findings what is wrong, in order
     */
    public record Result(List<BgpPeer> peers, List<Finding> findings) {
        public Result {
            peers = peers.stream().sorted(Comparator.comparing(BgpPeer::name)).toList();
            findings = findings.stream().sorted().toList();
        }
    }

    /**
     * Reviews all objects.
     *
     * @param nodes all nodes
     */
    public Result review(
            Collection<BgpPeer> peers,
            Collection<BgpAdvertisement> advertisements,
            Collection<BgpNode> nodes,
            Passwords passwords) {
        List<Finding> findings = new ArrayList<>();
        List<BgpPeer> accepted = new ArrayList<>();
        // Of two with one neighbour, that which was there before stays.
        List<BgpPeer> ordered = peers.stream()
                .sorted(Comparator.comparing((BgpPeer peer) -> !inForce.containsKey(peer.key()))
                        .thenComparing(BgpPeer::name))
                .toList();
        Map<ObjectKey, BgpPeer> next = new HashMap<>();
        for (BgpPeer peer : ordered) {
            Optional<Finding> reason = refusal(peer, accepted, nodes, passwords);
            Optional<BgpPeer> used = reason.isEmpty()
                    ? Optional.of(peer)
                    : Optional.ofNullable(inForce.get(peer.key()))
                            .filter(former ->
                                    refusal(former, accepted, nodes, passwords).isEmpty());
            reason.ifPresent(findings::add);
            used.ifPresent(one -> {
                accepted.add(one);
                next.put(one.key(), one);
            });
            note(peer, nodes, passwords, findings);
        }
        inForce.clear();
        inForce.putAll(next);
        for (BgpAdvertisement advertisement : advertisements) {
            note(advertisement, peers, nodes, findings);
        }
        return new Result(accepted, findings);
    }

    /** Why a peer can't be spoken to; empty if it can. */
    private static Optional<Finding> refusal(
            BgpPeer peer, List<BgpPeer> accepted, Collection<BgpNode> nodes, Passwords passwords) {
        Optional<BgpPeer> same = accepted.stream()
                .filter(other -> other.neighbour().equals(peer.neighbour())
                        && nodes.stream().anyMatch(node -> selects(peer, node) && selects(other, node)))
                .findFirst();
        if (same.isPresent()) {
            return Optional.of(new Finding(
                    peer.key(),
                    "spec.address",
                    "SameNeighbour",
                    peer.neighbour().title() + " is the neighbour of "
                            + same.get().key()
                            + " as well; delete one of them, or select different nodes by nodeSelector"));
        }
        return peer.passwordKey()
                .filter(key -> passwords.find(key).password().isEmpty())
                .map(key -> passwordFinding(peer, key, passwords.find(key)));
    }

    private static Finding passwordFinding(BgpPeer peer, String key, Passwords.Entry entry) {
        return new Finding(
                peer.key(),
                "spec.passwordKey",
                "PasswordMissing",
                "the password '" + key + "' " + entry.fault().orElse("is missing") + "; "
                        + (entry.password().isEmpty()
                                ? "until then the peer is not spoken to"
                                : "the former one stays in use"));
    }

    /** What is wrong with a peer, although it can be spoken to in part. */
    private static void note(BgpPeer peer, Collection<BgpNode> nodes, Passwords passwords, List<Finding> findings) {
        peer.passwordKey().ifPresent(key -> {
            Passwords.Entry entry = passwords.find(key);
            if (entry.password().isPresent() && entry.fault().isPresent()) {
                findings.add(passwordFinding(peer, key, entry));
            }
        });
        nodes.stream()
                .filter(node -> selects(peer, node) && isItself(peer, node))
                .findFirst()
                .ifPresent(node -> findings.add(new Finding(
                        peer.key(),
                        "spec.address",
                        "PeerIsNode",
                        peer.neighbour().title() + " is node " + node.name()
                                + " itself, which does not speak to it; exclude that node by nodeSelector, or correct"
                                + " the address")));
        if (nodes.stream().noneMatch(node -> selects(peer, node))) {
            findings.add(new Finding(
                    peer.key(),
                    "spec.nodeSelector",
                    "NoNodeSelected",
                    "no node has these labels, so that no node speaks to the peer; correct the selector, or label"
                            + " nodes"));
        }
    }

    private static void note(
            BgpAdvertisement advertisement,
            Collection<BgpPeer> peers,
            Collection<BgpNode> nodes,
            List<Finding> findings) {
        if (nodes.stream().noneMatch(node -> advertisement.nodeSelector().matches(node.labels()))) {
            findings.add(new Finding(
                    advertisement.key(),
                    "spec.nodeSelector",
                    "NoNodeSelected",
                    "no node has these labels, so that nothing is announced; correct the selector, or label nodes"));
        }
        if (peers.stream().noneMatch(peer -> advertisement.peerSelector().matches(peer.labels()))) {
            findings.add(new Finding(
                    advertisement.key(),
                    "spec.peerSelector",
                    "NoPeerSelected",
                    peers.isEmpty()
                            ? "there is no BgpPeer to announce to; create one"
                            : "no BgpPeer has these labels, so that nothing is announced; correct the selector, or"
                                    + " label BgpPeers"));
        }
    }

    static boolean selects(BgpPeer peer, BgpNode node) {
        return peer.nodeSelector().matches(node.labels());
    }

    static boolean isItself(BgpPeer peer, BgpNode node) {
        return peer.neighbour().address().filter(node.addresses()::contains).isPresent();
    }
}
