package dev.ikat.agent.node;

import dev.ikat.agent.overlay.NodeFault;
import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.cluster.Node;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.Sysctl;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The address families that this node's kernel has. What nodes' objects say of another family counts for nothing here:
 * the kernel would refuse each address, route and rule of it.
 *
 * @param families IPv4, and IPv6 unless the kernel was started without it
 */
record KernelFamilies(Set<IpFamily> families) {
    KernelFamilies {
        families = Set.copyOf(families);
    }

    static KernelFamilies of(Sysctl.Parameters parameters) {
        return new KernelFamilies(
                Sysctl.hasIpv6(parameters) ? EnumSet.allOf(IpFamily.class) : EnumSet.of(IpFamily.IPV4));
    }

    /** What this node's own object has of a family that its kernel lacks. */
    List<NodeFault> faults(Node self) {
        return self.podCidrs().stream()
                .filter(block -> !families.contains(block.family()))
                .map(block -> new NodeFault(
                        self.name(),
                        Cause.FAMILY,
                        "pods of node " + self.name() + " get no address of " + block
                                + ", because its kernel has no IPv6 (there is no /proc/sys/net/ipv6); remove"
                                + " ipv6.disable=1 from the kernel's command line and reboot, or give the node IPv4 pod"
                                + " CIDRs only"))
                .toList();
    }

    /** The same nodes without blocks and addresses of families that the kernel lacks. */
    Map<String, Node> only(Map<String, Node> nodes) {
        if (families.size() == IpFamily.values().length) {
            return nodes;
        }
        Map<String, Node> left = new HashMap<>();
        nodes.forEach((name, node) -> left.put(
                name,
                node.with(
                        node.podCidrs().stream()
                                .filter(block -> families.contains(block.family()))
                                .toList(),
                        node.internalIps().stream()
                                .filter(address -> families.contains(address.family()))
                                .toList())));
        return left;
    }
}
