package dev.ikat.services.compiler;

import dev.ikat.model.Cidr;
import java.util.List;

/**
 * What a node does with services as its operator wants it.
 *
 * @param externalIps whether {@code spec.externalIPs} are served, with which whoever may write a service draws
 *     connections to any address to it
 * @param nodePortAddresses the blocks whose addresses of this node have node ports; none for the node's InternalIPs
 */
public record ServiceSettings(boolean externalIps, List<Cidr> nodePortAddresses) {
    public ServiceSettings {
        nodePortAddresses = List.copyOf(nodePortAddresses);
    }
}
