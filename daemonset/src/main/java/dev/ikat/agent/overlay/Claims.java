package dev.ikat.agent.overlay;

import dev.ikat.agent.overlay.InForce.Holder;
import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides which of the blocks and addresses that the nodes' objects name are believed. Whoever has something keeps it:
 * of two that claim the same, the node that was made first; where that is not known of every node, or equal, the one
 * whose claim is in force; then the first by name. So every node comes to the same answer.
 */
final class Claims {
    /** Never a pod's: packets to these do not follow routes, or not beyond a link. */
    private static final List<Cidr> RESERVED = List.of(
            Cidr.parse("127.0.0.0/8"),
            Cidr.parse("169.254.0.0/16"),
            Cidr.parse("224.0.0.0/4"),
            Cidr.parse("::1/128"),
            Cidr.parse("fe80::/10"),
            Cidr.parse("ff00::/8"));

    private final Uplink uplink;
    private final Set<IpAddress> apiServers;
    /** Whether Ikat makes the ways between nodes, and so which addresses it can do harm to. */
    private final boolean routing;

    private final Map<Cidr, Holder> blocks = new LinkedHashMap<>();
    private final Map<IpAddress, Holder> addresses = new LinkedHashMap<>();
    private final List<NodeFault> faults = new ArrayList<>();

    /** What one node's object claims: a block, or an address. */
    private record Claim(Node node, Cidr cidr, boolean block, Optional<Instant> since, boolean inForce) {
        static Claim ofBlock(Node node, Cidr block, InForce inForce) {
            return new Claim(node, block, true, inForce.since(node, block), inForce.has(node, block));
        }

        static Claim ofAddress(Node node, IpAddress address, InForce inForce) {
            return new Claim(node, Cidr.host(address), false, inForce.since(node, address), inForce.has(node, address));
        }

        Holder holder() {
            return new Holder(node.name(), since);
        }
    }

    private Claims(Uplink uplink, Set<IpAddress> apiServers, boolean routing) {
        this.uplink = uplink;
        this.apiServers = apiServers;
        this.routing = routing;
    }

    /** @param nodes all, this one among them */
    static Claims decide(
            Collection<Node> nodes, Uplink uplink, Set<IpAddress> apiServers, InForce inForce, OverlayMode mode) {
        Claims claims = new Claims(uplink, apiServers, mode != OverlayMode.NONE);
        List<Claim> all = new ArrayList<>();
        for (Node node : nodes) {
            node.internalIps().forEach(address -> all.add(Claim.ofAddress(node, address, inForce)));
            node.podCidrs().forEach(block -> all.add(Claim.ofBlock(node, block, inForce)));
        }
        Comparator<Claim> byAge = nodes.stream().allMatch(node -> node.created().isPresent())
                ? Comparator.comparing(claim -> claim.since().orElse(Instant.MAX))
                : Comparator.comparingInt(_ -> 0);
        all.sort(byAge.thenComparing(claim -> !claim.inForce())
                .thenComparing(claim -> claim.node().name())
                .thenComparing(Claim::block)
                .thenComparing(Claim::cidr));
        all.forEach(claims::decide);
        return claims;
    }

    private void decide(Claim claim) {
        if (claim.block()) {
            decideBlock(claim);
        } else {
            decideAddress(claim);
        }
    }

    private void decideAddress(Claim claim) {
        String node = claim.node().name();
        IpAddress address = claim.cidr().network();
        Holder other = addresses.get(address);
        if (routing && other != null && !other.node().equals(node)) {
            refuse(
                    claim,
                    Cause.ADDRESS_CLAIMED,
                    "InternalIP " + address + " of node " + node + " is that of node " + other.node()
                            + ", which had it first; its pods can't be reached there until one of the nodes has another"
                            + " address");
            return;
        }
        Optional<Map.Entry<Cidr, Holder>> block = overlapping(claim.cidr());
        if (routing && block.isPresent()) {
            refuse(
                    claim,
                    Cause.ADDRESS_CLAIMED,
                    "InternalIP " + address + " of node " + node + " is in pod CIDR "
                            + block.get().getKey() + " of node "
                            + block.get().getValue().node()
                            + ", which had it first; its pods can't be reached there until the node has another"
                            + " address");
            return;
        }
        addresses.putIfAbsent(address, claim.holder());
    }

    private void decideBlock(Claim claim) {
        String node = claim.node().name();
        String who = "pod CIDR " + claim.cidr() + " of node " + node;
        Optional<String> use = use(claim.cidr());
        if (use.isPresent()) {
            refuse(
                    claim,
                    Cause.BLOCK_IN_USE,
                    who + " holds " + use.get() + "; it gets no route until the node has another spec.podCIDRs");
            return;
        }
        Optional<Map.Entry<Cidr, Holder>> other = overlapping(claim.cidr());
        if (other.isPresent()) {
            refuse(
                    claim,
                    Cause.BLOCK_CLAIMED,
                    who + " overlaps " + other.get().getKey() + " of node "
                            + other.get().getValue().node()
                            + ", which had it first; it gets no route until the node has another spec.podCIDRs");
            return;
        }
        blocks.put(claim.cidr(), claim.holder());
    }

    private Optional<Map.Entry<Cidr, Holder>> overlapping(Cidr cidr) {
        return blocks.entrySet().stream()
                .filter(block -> block.getKey().overlaps(cidr))
                .findFirst();
    }

    /** Whose addresses are in the block that can't be pods'. */
    private Optional<String> use(Cidr block) {
        Optional<String> reserved = RESERVED.stream()
                .filter(block::overlaps)
                .map(cidr -> cidr + ", which no pod can have an address of")
                .findFirst();
        if (reserved.isPresent() || !routing) {
            return reserved;
        }
        // A part of the network that nobody is known to be in is no harm: the network's own route is the less exact.
        return uplink.networks().stream()
                .filter(block::contains)
                .map(network -> "the network " + network + " that " + uplink.name() + " is in")
                .findFirst()
                .or(() -> apiServers.stream()
                        .filter(block::contains)
                        .map(server -> "the address of the API server, " + server)
                        .findFirst())
                .or(() -> addresses.entrySet().stream()
                        .filter(address -> block.contains(address.getKey()))
                        .map(address -> "InternalIP " + address.getKey() + " of node "
                                + address.getValue().node())
                        .findFirst());
    }

    private void refuse(Claim claim, Cause cause, String text) {
        faults.add(new NodeFault(claim.node().name(), cause, text));
    }

    boolean isAccepted(Node node, Cidr block) {
        return isHolder(node, blocks.get(block));
    }

    boolean isAccepted(Node node, IpAddress address) {
        return isHolder(node, addresses.get(address))
                || (!routing && node.internalIps().contains(address));
    }

    private static boolean isHolder(Node node, @Nullable Holder holder) {
        return holder != null && holder.node().equals(node.name());
    }

    /** Whether the block was refused for what is in it, and not for whose it is. */
    boolean isInUse(Cidr block) {
        return use(block).isPresent();
    }

    /** What was refused, in the order of the decisions. */
    List<NodeFault> faults() {
        return faults;
    }

    /** What was decided, for the next decision. */
    InForce inForce() {
        return new InForce(blocks, addresses, Map.of());
    }
}
