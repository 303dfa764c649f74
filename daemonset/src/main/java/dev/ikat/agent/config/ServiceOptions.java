package dev.ikat.agent.config;

import dev.ikat.model.Cidr;
import java.util.List;

/**
 * What the operator wants of services.
 *
 * @param mode whether Ikat implements them
 * @param externalIps whether connections to a service's {@code spec.externalIPs} are accepted
 * @param nodePortAddresses the blocks of those addresses of the node at which node ports are served; empty for its
 *     InternalIPs
 * @param directReturn whether a pod of another node answers clients outside the cluster itself
 * @param healthPort the port at which load balancers ask whether this node does services; 0 for none
 */
public record ServiceOptions(
        Mode mode, boolean externalIps, List<Cidr> nodePortAddresses, boolean directReturn, int healthPort) {
    public ServiceOptions {
        nodePortAddresses = List.copyOf(nodePortAddresses);
    }

    /** The values of the setting {@code services}. */
    public enum Mode {
        /** Ikat implements services. */
        TRUE,
        /** It does not, and does not read them. */
        FALSE,
        /** It does as long as no kube-proxy runs on this node. */
        AUTO
    }

    /** Whether services have to be read. */
    public boolean areRead() {
        return mode != Mode.FALSE;
    }
}
