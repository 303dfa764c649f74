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
 * A machine of the cluster.
 *
 * @param name its name
 * @param labels its labels
 * @param podCidrs the blocks its pods' addresses are from, at most one of each family ({@code spec.podCIDRs}); empty
 *     until the cluster has given it any
 * @param internalIps the addresses other nodes reach it at, the preferred one of each family first
 *     ({@code status.addresses} of type InternalIP)
 * @param created when it became one of the cluster ({@code metadata.creationTimestamp}); empty where nobody said it
 */
public record Node(
        String name, Labels labels, List<Cidr> podCidrs, List<IpAddress> internalIps, Optional<Instant> created)
        implements ClusterObject {
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

    /** A node of which nobody said when it was made. */
    public Node(String name, Labels labels, List<Cidr> podCidrs, List<IpAddress> internalIps) {
        this(name, labels, podCidrs, internalIps, Optional.empty());
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.NODE, "", name);
    }

    /** The block its pods' addresses of this family are from. */
    public Optional<Cidr> podCidr(IpFamily family) {
        return podCidrs.stream().filter(cidr -> cidr.family() == family).findFirst();
    }

    /** The address of this family that other nodes reach it at. */
    public Optional<IpAddress> internalIp(IpFamily family) {
        return internalIps.stream().filter(ip -> ip.family() == family).findFirst();
    }
}
