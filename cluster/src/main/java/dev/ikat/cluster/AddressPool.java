package dev.ikat.cluster;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Addresses that services of type LoadBalancer are given (ikat.dev/v1alpha1 AddressPool).
 *
 * @param name its name
 * @param addresses its blocks, no two of which overlap; at least one
 * @param autoAssign whether services are given its addresses that ask neither for an address nor for a pool
 * @param serviceSelector which services may have its addresses
 * @param namespaceSelector of which namespaces these may be
 * @param created when it was created; empty if not known
 * @param reported what the API keeps of it
 */
public record AddressPool(
        String name,
        List<AddressBlock> addresses,
        boolean autoAssign,
        LabelSelector serviceSelector,
        LabelSelector namespaceSelector,
        Optional<Instant> created,
        Reported reported)
        implements ClusterObject {
    public AddressPool {
        String object = new ObjectKey(ObjectKind.ADDRESS_POOL, "", name).toString();
        addresses = List.copyOf(addresses);
        Objects.requireNonNull(serviceSelector, "serviceSelector");
        Objects.requireNonNull(namespaceSelector, "namespaceSelector");
        Objects.requireNonNull(created, "created");
        Objects.requireNonNull(reported, "reported");
        if (addresses.isEmpty()) {
            throw new InvalidObjectException(object, "spec.addresses", "has no addresses");
        }
        List<AddressBlock> sorted = addresses.stream().sorted().toList();
        for (int i = 1; i < sorted.size(); i++) {
            if (sorted.get(i - 1).overlaps(sorted.get(i))) {
                throw new InvalidObjectException(
                        object, "spec.addresses", sorted.get(i - 1) + " overlaps " + sorted.get(i));
            }
        }
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.ADDRESS_POOL, "", name);
    }

    /** Whether the specifications of the two are equal, whatever is reported of them. */
    public boolean saysTheSameAs(AddressPool other) {
        return addresses.equals(other.addresses)
                && autoAssign == other.autoAssign
                && serviceSelector.equals(other.serviceSelector)
                && namespaceSelector.equals(other.namespaceSelector);
    }
}
