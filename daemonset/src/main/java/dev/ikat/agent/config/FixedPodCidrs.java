package dev.ikat.agent.config;

import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Pod CIDRs that the operator gave to nodes, for clusters that allocate none.
 *
 * @param blocks those of each node that is named, by its name
 */
public record FixedPodCidrs(Map<String, List<Cidr>> blocks) {
    static final FixedPodCidrs NONE = new FixedPodCidrs(Map.of());

    public FixedPodCidrs {
        blocks = Map.copyOf(blocks);
    }

    /**
     * Of elements like {@code node-1=10.244.1.0/24}, with commas between them; a node has one of each address family.
     *
     * @throws IllegalArgumentException that says what is wrong with which element
     */
    static FixedPodCidrs parse(String text) {
        Map<String, List<Cidr>> blocks = new TreeMap<>();
        Map<Cidr, String> owners = new HashMap<>();
        for (String element : Configuration.elements(text)) {
            int equals = element.indexOf('=');
            String node = element.substring(0, Math.max(0, equals)).strip();
            if (node.isEmpty()) {
                throw new IllegalArgumentException(
                        "'" + element + "' is invalid: write it as NODE=CIDR, as in node-1=10.244.1.0/24");
            }
            Cidr block = Cidr.parse(element.substring(equals + 1).strip());
            List<Cidr> before = blocks.getOrDefault(node, List.of());
            if (before.stream().anyMatch(other -> other.family() == block.family())) {
                throw new IllegalArgumentException(
                        node + " has two blocks of one address family; the second is " + block);
            }
            owners.forEach((other, owner) -> {
                if (other.overlaps(block)) {
                    throw new IllegalArgumentException(
                            block + " of " + node + " overlaps with " + other + " of " + owner);
                }
            });
            owners.put(block, node);
            blocks.put(node, before.isEmpty() ? List.of(block) : List.of(before.getFirst(), block));
        }
        return new FixedPodCidrs(blocks);
    }

    /** The same nodes; those that are named get these blocks. */
    public Map<String, Node> apply(Map<String, Node> nodes) {
        if (blocks.isEmpty()) {
            return nodes;
        }
        Map<String, Node> fixed = new HashMap<>(nodes);
        blocks.forEach(
                (name, cidrs) -> fixed.computeIfPresent(name, (_, node) -> node.with(cidrs, node.internalIps())));
        return fixed;
    }
}
