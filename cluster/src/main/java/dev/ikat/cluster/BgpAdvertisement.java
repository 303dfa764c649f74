package dev.ikat.cluster;

import dev.ikat.model.Cidr;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What some of the nodes announce to some of the {@link BgpPeer}s (ikat.dev/v1alpha1 BgpAdvertisement). A node that
 * several select announces what any of them says, with the communities of all and the highest preference.
 *
 * @param name its name
 * @param nodeSelector which nodes announce it
 * @param peerSelector to which peers, by their labels
 * @param podCidrs whether a node announces the pod CIDRs that it has
 * @param services which addresses of services are announced
 * @param aggregates blocks that are announced instead of the addresses and pod CIDRs in them, as soon as there is one;
 *     addresses that only some nodes announce are announced all the same
 * @param communities what the routes are marked with
 * @param localPreference the preference that the routes have within the autonomous system; empty for the router's own
 * @param reported what the API keeps of it
 */
public record BgpAdvertisement(
        String name,
        LabelSelector nodeSelector,
        LabelSelector peerSelector,
        boolean podCidrs,
        Set<ServiceAddresses> services,
        Set<Cidr> aggregates,
        Set<BgpCommunity> communities,
        Optional<Long> localPreference,
        Reported reported)
        implements ClusterObject {
    private static final long MOST_PREFERENCE = 0xffff_ffffL;

    public BgpAdvertisement {
        String object = new ObjectKey(ObjectKind.BGP_ADVERTISEMENT, "", name).toString();
        Objects.requireNonNull(nodeSelector, "nodeSelector");
        Objects.requireNonNull(peerSelector, "peerSelector");
        Objects.requireNonNull(reported, "reported");
        services = services.isEmpty() ? Set.of() : Set.copyOf(EnumSet.copyOf(services));
        aggregates = Set.copyOf(aggregates);
        communities = Set.copyOf(communities);
        if (!podCidrs && services.isEmpty()) {
            throw new InvalidObjectException(
                    object, "spec", "announces nothing; set podCidrs to true, or name addresses in services");
        }
        localPreference.ifPresent(preference -> {
            if (preference < 0 || preference > MOST_PREFERENCE) {
                throw new InvalidObjectException(
                        object, "spec.localPreference", "has to be 0 to " + MOST_PREFERENCE + ", but is " + preference);
            }
        });
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.BGP_ADVERTISEMENT, "", name);
    }

    /** The communities in a stable order. */
    public List<BgpCommunity> sortedCommunities() {
        return List.copyOf(new TreeSet<>(communities));
    }

    /** Which addresses of a service. */
    public enum ServiceAddresses {
        /** {@code spec.clusterIPs}. */
        CLUSTER_IP("ClusterIP"),
        /** {@code spec.externalIPs}. */
        EXTERNAL_IP("ExternalIP"),
        /** {@code status.loadBalancer.ingress}. */
        LOAD_BALANCER_IP("LoadBalancerIP");

        private final String title;

        ServiceAddresses(String title) {
            this.title = title;
        }

        /** What the object says for it. */
        public String title() {
            return title;
        }
    }
}
