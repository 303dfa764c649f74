package dev.ikat.bgp;

import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.model.IpAddress;
import java.util.Comparator;

/**
 * An address of a service that this node can be sent packets for.
 *
 * @param address the address
 * @param kind which of the service's addresses it is
 * @param everywhere whether every node can, and not only those with endpoints
 */
public record ServiceAddress(IpAddress address, ServiceAddresses kind, boolean everywhere)
        implements Comparable<ServiceAddress> {
    private static final Comparator<ServiceAddress> ORDER = Comparator.comparing(ServiceAddress::address)
            .thenComparing(ServiceAddress::kind)
            .thenComparing(ServiceAddress::everywhere);

    /** By address. */
    @Override
    public int compareTo(ServiceAddress other) {
        return ORDER.compare(this, other);
    }
}
