package dev.ikat.bgp;

import dev.ikat.cluster.BgpPeer.Bfd;
import java.util.Objects;
import java.util.Optional;

/**
 * What the operator wants of BGP; the same on all nodes.
 *
 * @param as the cluster's autonomous system
 * @param mesh who speaks to whom among the nodes
 * @param bfd how BFD watches other nodes; empty if it does not
 * @param passwordKey which password the nodes use among themselves; empty for none
 * @param podRoutes whether pods of other nodes are reached by routes of BGP
 */
public record BgpSettings(long as, Mesh mesh, Optional<Bfd> bfd, Optional<String> passwordKey, boolean podRoutes) {
    public BgpSettings {
        Objects.requireNonNull(mesh, "mesh");
        if (as < 1 || as > 0xffff_ffffL) {
            throw new IllegalArgumentException("an autonomous system has the number 1 to 4294967295, not " + as);
        }
    }

    /** Who speaks to whom among the nodes. */
    public enum Mesh {
        /** Each to each. */
        FULL,
        /** Each to the reflectors, which have the label {@value BgpNode#REFLECTOR_LABEL}. */
        REFLECTORS,
        /** Nobody: routers outside hand the nodes' routes on. */
        NONE
    }
}
