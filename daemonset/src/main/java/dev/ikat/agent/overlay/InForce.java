package dev.ikat.agent.overlay;

import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who has which block and which address now: according to the last plan, or before the first one according to the
 * kernel's routes, which an earlier agent left.
 *
 * @param blocks the holder of each pod CIDR
 * @param addresses the holder of each InternalIP
 * @param ways for each pod CIDR the InternalIP of the node to which the kernel sends its packets
 */
public record InForce(Map<Cidr, Holder> blocks, Map<IpAddress, Holder> addresses, Map<Cidr, IpAddress> ways) {
    /** Nobody has any block or address. */
    public static final InForce NOTHING = new InForce(Map.of(), Map.of(), Map.of());

    /**
     * A node that has a block or an address.
     *
     * @param node its name
     * @param since the latest time at which the node got it; empty if not known
     */
    public record Holder(String node, Optional<Instant> since) {}

    public InForce {
        blocks = Map.copyOf(blocks);
        addresses = Map.copyOf(addresses);
        ways = Map.copyOf(ways);
    }

    /** What an earlier agent's routes say, and nothing else. */
    static InForce ofRoutes(Map<Cidr, IpAddress> ways) {
        return new InForce(Map.of(), Map.of(), ways);
    }

    boolean has(Node node, Cidr block) {
        IpAddress way = ways.get(block);
        return isHolder(node, blocks.get(block))
                || (way != null && node.internalIps().contains(way));
    }

    boolean has(Node node, IpAddress address) {
        return isHolder(node, addresses.get(address))
                || node.podCidrs().stream().anyMatch(block -> address.equals(ways.get(block)));
    }

    private static boolean isHolder(Node node, @Nullable Holder holder) {
        return holder != null && holder.node().equals(node.name());
    }

    /**
     * Since when the node has the block: an object that was deleted and made again while the block was in force is no
     * newcomer.
     */
    Optional<Instant> since(Node node, Cidr block) {
        return since(node, blocks.get(block));
    }

    Optional<Instant> since(Node node, IpAddress address) {
        return since(node, addresses.get(address));
    }

    private static Optional<Instant> since(Node node, @Nullable Holder holder) {
        return isHolder(node, holder)
                        && holder != null
                        && node.created().isPresent()
                        && holder.since().isPresent()
                        && holder.since().get().isBefore(node.created().get())
                ? holder.since()
                : node.created();
    }
}
