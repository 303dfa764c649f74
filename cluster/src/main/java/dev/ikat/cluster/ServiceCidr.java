package dev.ikat.cluster;

import dev.ikat.model.Cidr;
import java.util.List;

/**
 * Blocks from which addresses of services are taken.
 *
 * @param name its name
 * @param cidrs the blocks ({@code spec.cidrs})
 */
public record ServiceCidr(String name, List<Cidr> cidrs) implements ClusterObject {
    public ServiceCidr {
        ObjectKey _ = new ObjectKey(ObjectKind.SERVICE_CIDR, "", name);
        cidrs = List.copyOf(cidrs);
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.SERVICE_CIDR, "", name);
    }
}
