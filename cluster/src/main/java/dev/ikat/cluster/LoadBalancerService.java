package dev.ikat.cluster;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A service as whoever gives it addresses sees it; {@link Service} is the same object as a node sees it.
 *
 * @param namespace its namespace
 * @param name its name in that namespace
 * @param labels its labels, which pools select by
 * @param demand which addresses it wants; empty if it is not of type LoadBalancer, or is being deleted
 * @param traffic what decides whether it can share an address with others
 * @param ingress the addresses that its status has
 * @param created when it was created; empty if not known
 * @param uid what no other object has, not even a later one of its name; empty if not known
 * @param resourceVersion its version at the API server; empty if that is not kept
 */
public record LoadBalancerService(
        String namespace,
        String name,
        Labels labels,
        Optional<Demand> demand,
        Traffic traffic,
        List<IpAddress> ingress,
        Optional<Instant> created,
        String uid,
        String resourceVersion)
        implements ClusterObject {
    /** The annotation with the addresses that a service wants, with commas between them. */
    public static final String ADDRESSES = "ikat.dev/addresses";

    /** The annotation with the name of the pool that it wants its addresses from. */
    public static final String POOL = "ikat.dev/address-pool";

    /** The annotation whose value all services of a namespace have that may share an address. */
    public static final String SHARING_KEY = "ikat.dev/sharing-key";

    public LoadBalancerService {
        Objects.requireNonNull(labels, "labels");
        Objects.requireNonNull(demand, "demand");
        Objects.requireNonNull(traffic, "traffic");
        Objects.requireNonNull(created, "created");
        Objects.requireNonNull(uid, "uid");
        Objects.requireNonNull(resourceVersion, "resourceVersion");
        ingress = List.copyOf(ingress);
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.SERVICE, namespace, name);
    }

    /** The same service at this version. */
    public LoadBalancerService at(String version) {
        return new LoadBalancerService(namespace, name, labels, demand, traffic, ingress, created, uid, version);
    }

    /**
     * Which addresses a service wants.
     *
     * @param loadBalancerClass who is to give it some ({@code spec.loadBalancerClass}); empty for the cluster's default
     * @param families of which families, the preferred one first; at least one
     * @param all whether it wants all of these or none ({@code RequireDualStack})
     * @param addresses the ones that it wants, and no others of their families; none if any will do
     * @param pool the pool that they have to be from; empty if any will do
     * @param fault what of its wishes can't be read; empty if all can
     */
    public record Demand(
            Optional<String> loadBalancerClass,
            List<IpFamily> families,
            boolean all,
            List<IpAddress> addresses,
            Optional<String> pool,
            Optional<String> fault) {
        public Demand {
            Objects.requireNonNull(loadBalancerClass, "loadBalancerClass");
            Objects.requireNonNull(pool, "pool");
            Objects.requireNonNull(fault, "fault");
            families = List.copyOf(families);
            addresses = List.copyOf(addresses);
            if (families.isEmpty() || Set.copyOf(families).size() != families.size()) {
                throw new InvalidObjectException("spec.ipFamilies", "has none, or one twice: " + families);
            }
        }
    }

    /**
     * What decides whether a service can share an address.
     *
     * @param sharingKey the key that others have to have, too; empty if it shares none
     * @param ports its ports
     * @param localOnly whether connections go only to endpoints of the node at which they arrive
     * @param selector which pods are behind it
     */
    public record Traffic(Optional<String> sharingKey, Set<Port> ports, boolean localOnly, Labels selector) {
        public Traffic {
            Objects.requireNonNull(sharingKey, "sharingKey");
            Objects.requireNonNull(selector, "selector");
            ports = Set.copyOf(ports);
        }
    }

    /**
     * A port at which a service is reached.
     *
     * @param protocol its protocol
     * @param number its number
     */
    public record Port(Protocol protocol, int number) {
        public Port {
            Objects.requireNonNull(protocol, "protocol");
            Names.requirePort("port", number);
        }
    }

    /** Whether the two can be told apart at one address, and both want to share it. */
    public boolean canShareWith(LoadBalancerService other) {
        Traffic one = traffic;
        Traffic two = other.traffic;
        return namespace.equals(other.namespace)
                && one.sharingKey().isPresent()
                && one.sharingKey().equals(two.sharingKey())
                && one.ports().stream().noneMatch(two.ports()::contains)
                && one.localOnly() == two.localOnly()
                // Otherwise a node may have endpoints of one alone, and get the packets of both.
                && (!one.localOnly() || one.selector().equals(two.selector()));
    }
}
