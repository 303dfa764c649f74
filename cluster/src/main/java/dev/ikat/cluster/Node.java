package dev.ikat.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A node of the cluster.
 *
 * @param name its name
 * @param labels its labels
 * @param podCidrs its pod CIDRs, at most one of each family ({@code spec.podCIDRs}); empty until the cluster has
 *     allocated any
 * @param internalIps the addresses at which other nodes reach it, the preferred one of each family first
 *     ({@code status.addresses} of type InternalIP)
 * @param created when it joined the cluster ({@code metadata.creationTimestamp}); empty if not known
 * @param leaving whether it is about to leave: it is being deleted, or has the taint {@value #LEAVING_TAINT}
 * @param ready whether its kubelet says that it is ready, and the cluster believes it ({@code status.conditions})
 */
public record Node(
        String name,
        Labels labels,
        List<Cidr> podCidrs,
        List<IpAddress> internalIps,
        Optional<Instant> created,
        boolean leaving,
        boolean ready)
        implements ClusterObject {
    /** The label of nodes to which load balancers send nothing, whatever its value. */
    public static final String EXCLUDED_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

    /** The taint by which the cluster autoscaler says that it is about to delete a node. */
    public static final String LEAVING_TAINT = "ToBeDeletedByClusterAutoscaler";

    public Node {
        ObjectKey key = new ObjectKey(ObjectKind.NODE, "", name);
        Objects.requireNonNull(labels, "labels");
        Objects.requireNonNull(created, "created");
        podCidrs = List.copyOf(podCidrs);
        internalIps = List.copyOf(internalIps);
        Set<IpFamily> families = EnumSet.noneOf(IpFamily.class);
        for (Cidr cidr : podCidrs) {
            if (!families.add(cidr.family())) {
                throw new InvalidObjectException(
                        key.toString(), "spec.podCIDRs", "two blocks of one address family: " + podCidrs);
            }
        }
        for (IpAddress address : internalIps) {
            if (address.isUnspecified() || address.isMulticast() || address.isLoopback()) {
                throw new InvalidObjectException(
                        key.toString(), "status.addresses", "no other node can reach " + address);
            }
        }
    }

    /** A node of which nobody says that it is ready. */
    public Node(
            String name,
            Labels labels,
            List<Cidr> podCidrs,
            List<IpAddress> internalIps,
            Optional<Instant> created,
            boolean leaving) {
        this(name, labels, podCidrs, internalIps, created, leaving, false);
    }

    /** A node that stays. */
    public Node(
            String name, Labels labels, List<Cidr> podCidrs, List<IpAddress> internalIps, Optional<Instant> created) {
        this(name, labels, podCidrs, internalIps, created, false);
    }

    /** A node that stays, and whose creation time is not known. */
    public Node(String name, Labels labels, List<Cidr> podCidrs, List<IpAddress> internalIps) {
        this(name, labels, podCidrs, internalIps, Optional.empty(), false);
    }

    /** The same node with other blocks and addresses. */
    public Node with(List<Cidr> otherCidrs, List<IpAddress> otherIps) {
        return new Node(name, labels, otherCidrs, otherIps, created, leaving, ready);
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.NODE, "", name);
    }

    /** Whether load balancers may send it packets: it stays, and does not have the label {@value #EXCLUDED_LABEL}. */
    public boolean takesLoadBalancing() {
        return !leaving && !labels.values().containsKey(EXCLUDED_LABEL);
    }

    /** The address of this family at which other nodes reach it. */
    public Optional<IpAddress> internalIp(IpFamily family) {
        return internalIps.stream().filter(ip -> ip.family() == family).findFirst();
    }
}
