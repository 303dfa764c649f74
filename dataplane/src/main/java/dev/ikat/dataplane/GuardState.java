package dev.ikat.dataplane;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Collection;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Which source may come which way.
 *
 * @param tunnel what the nodes' tunnels look like; empty where they have none
 * @param peers the other nodes, as far as the overlay has accepted what they say of themselves
 * @param nodeAddresses where tunnels may end, on this node or another: a pod sends nothing to their port there
 * @param pods the blocks of this node's pods
 * @param self the addresses of this node's that nobody else can have
 * @param uplink the interface to the other nodes
 * @param masqueraded whether pods' addresses are hidden from the nodes; if not, a pod may send to a node by its own
 */
public record GuardState(
        Optional<Tunnel> tunnel,
        Set<Peer> peers,
        Set<IpAddress> nodeAddresses,
        Set<Cidr> pods,
        Set<IpAddress> self,
        InterfaceName uplink,
        boolean masqueraded) {
    /**
     * What the nodes' tunnels look like.
     *
     * @param port the UDP port that they end at
     * @param vni the network identifier; what has another is somebody else's
     */
    public record Tunnel(int port, int vni) {}

    /**
     * Another node.
     *
     * @param addresses where its tunnels may come from
     * @param tunnelled the blocks of its pods that are reached through the tunnel
     * @param direct the blocks of its pods that are reached on the uplink
     */
    public record Peer(Set<IpAddress> addresses, Set<Cidr> tunnelled, Set<Cidr> direct) {
        public Peer {
            addresses = Set.copyOf(addresses);
            tunnelled = Set.copyOf(tunnelled);
            direct = Set.copyOf(direct);
        }

        /** All blocks of its pods. */
        public Set<Cidr> blocks() {
            Set<Cidr> blocks = new HashSet<>(tunnelled);
            blocks.addAll(direct);
            return blocks;
        }
    }

    public GuardState {
        peers = Set.copyOf(peers);
        nodeAddresses = Set.copyOf(nodeAddresses);
        pods = Set.copyOf(pods);
        self = Set.copyOf(self);
    }

    /** The addresses of one family that tunnels may come from. */
    public Set<IpAddress> peerAddresses(IpFamily family) {
        return addresses(
                peers.stream().flatMap(peer -> peer.addresses().stream()).toList(), family);
    }

    /** The addresses of one family that pods send nothing to at the tunnels' port. */
    public Set<IpAddress> nodeAddresses(IpFamily family) {
        return addresses(nodeAddresses, family);
    }

    private static Set<IpAddress> addresses(Collection<IpAddress> addresses, IpFamily family) {
        return addresses.stream().filter(a -> a.family() == family).collect(Collectors.toUnmodifiableSet());
    }

    /** The blocks of one family of other nodes' pods that are reached through the tunnel. */
    public Set<Cidr> tunnelled(IpFamily family) {
        return blocks(Peer::tunnelled, family);
    }

    /** The blocks of one family of other nodes' pods that are reached on the uplink. */
    public Set<Cidr> direct(IpFamily family) {
        return blocks(Peer::direct, family);
    }

    private Set<Cidr> blocks(Function<Peer, Set<Cidr>> kind, IpFamily family) {
        return peers.stream()
                .flatMap(peer -> kind.apply(peer).stream())
                .filter(block -> block.family() == family)
                .collect(Collectors.toUnmodifiableSet());
    }

    /** The blocks of one family of this node's pods. */
    public Set<Cidr> pods(IpFamily family) {
        return pods.stream().filter(block -> block.family() == family).collect(Collectors.toUnmodifiableSet());
    }

    /** What of one family only this node's pods and this node itself send from. */
    public Set<Cidr> own(IpFamily family) {
        Set<Cidr> own = new HashSet<>(pods(family));
        addresses(self, family).forEach(address -> own.add(Cidr.host(address)));
        return own;
    }
}
