package dev.ikat.services.program;

import dev.ikat.model.Cidr;
import java.util.Map;
import java.util.Set;

/**
 * What this node does with connections to services.
 *
 * @param frontends by where connections arrive
 * @param podCidrs this node's blocks: who has an address in one is a pod of this node
 * @param serviceCidrs the blocks from which clusters' addresses of services are taken ({@code ServiceCIDR}). What is
 *     sent to an address in one, and to no frontend, is rejected rather than routed away. Empty if not known: then that
 *     holds for the addresses of frontends of kind CLUSTER_IP only
 */
public record ServiceProgram(Map<Frontend, FrontendProgram> frontends, Set<Cidr> podCidrs, Set<Cidr> serviceCidrs) {
    /** No services. */
    public static final ServiceProgram EMPTY = new ServiceProgram(Map.of(), Set.of(), Set.of());

    public ServiceProgram {
        frontends = Map.copyOf(frontends);
        podCidrs = Set.copyOf(podCidrs);
        serviceCidrs = Set.copyOf(serviceCidrs);
    }
}
