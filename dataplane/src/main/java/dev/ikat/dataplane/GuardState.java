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
 * Which source addresses may arrive on which path.
 *
 * @param tunnel the properties of the nodes' tunnels; empty if there are none
 * @param peers the other nodes, as far as the overlay has accepted their addresses and blocks
 * @param nodeAddresses the addresses at which tunnels may end, on this node or another: a pod may send nothing to their
 *     port there
 * @param pods the blocks of this node's pods
 * @param self the addresses of this node that nobody else can have
 * @param uplink the interface to the other nodes
 * @param masqueraded whether traffic to the nodes is masqueraded; if not, a pod may send to a node from its own address
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
     * The properties of the nodes' tunnels.
     *
     * @param port the UDP port at which they end
     * @param vni the network identifier; tunnels with another one belong to other programs
     */
    public record Tunnel(int port, int vni) {}

    /**
     * Another node.
     *
     * @param addresses the addresses from which its tunnels may come
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

    /** The addresses of one family to which pods may send nothing at the tunnels' port. */
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

    /** The blocks of one family from which only this node's pods and this node itself may send. */
    public Set<Cidr> own(IpFamily family) {
        Set<Cidr> own = new HashSet<>(pods(family));
        addresses(self, family).forEach(address -> own.add(Cidr.host(address)));
        return own;
    }
}
