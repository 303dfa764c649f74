package dev.ikat.dataplane;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which traffic is masqueraded, and to which destinations it is not.
 *
 * @param podCidrs the blocks whose addresses do not leave the cluster: this node's pod CIDRs
 * @param clusterCidrs the destinations that see the pods' own addresses: every node's pod CIDRs
 * @param foreign whether what this node forwards from others (containers of another network, a VPN) to the pods of
 *     other nodes gets this node's address, by which the answers find back
 */
public record MasqueradeState(Set<Cidr> podCidrs, Set<Cidr> clusterCidrs, boolean foreign) {
    public MasqueradeState {
        podCidrs = Set.copyOf(podCidrs);
        clusterCidrs = Set.copyOf(clusterCidrs);
    }

    /** Only what this node's pods send. */
    public MasqueradeState(Set<Cidr> podCidrs, Set<Cidr> clusterCidrs) {
        this(podCidrs, clusterCidrs, false);
    }

    /**
     * The blocks of one family, in order, without those that lie within another: an interval set accepts no overlap.
     */
    public static List<Cidr> cover(Set<Cidr> cidrs, IpFamily family) {
        List<Cidr> cover = new ArrayList<>();
        for (Cidr cidr : new TreeSet<>(cidrs)) {
            boolean covered = !cover.isEmpty() && cover.getLast().contains(cidr);
            if (cidr.family() == family && !covered) {
                cover.add(cidr);
            }
        }
        return cover;
    }
}
