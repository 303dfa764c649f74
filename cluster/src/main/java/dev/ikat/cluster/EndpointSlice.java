package dev.ikat.cluster;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Some of the endpoints of a service: each of them at each of the ports. While a slice is replaced by others, an
 * endpoint may be in several.
 *
 * @param namespace its namespace, and that of its service
 * @param name its name in that namespace
 * @param service the service's name (label {@value #SERVICE_LABEL}); empty if it belongs to none
 * @param family the family of its addresses; empty if they are none of IP: then it has no endpoints
 * @param ports the ports; one without a number, which would mean all ports, is left out
 * @param endpoints the endpoints
 */
public record EndpointSlice(
        String namespace,
        String name,
        String service,
        Optional<IpFamily> family,
        List<Port> ports,
        List<Endpoint> endpoints)
        implements ClusterObject {
    /** The label that says which service a slice belongs to. */
    public static final String SERVICE_LABEL = "kubernetes.io/service-name";

    public EndpointSlice {
        String object = new ObjectKey(ObjectKind.ENDPOINT_SLICE, namespace, name).toString();
        Objects.requireNonNull(service, "service");
        ports = List.copyOf(ports);
        endpoints = List.copyOf(endpoints);
        for (Endpoint endpoint : endpoints) {
            if (!family.equals(Optional.of(endpoint.address.family()))) {
                throw new InvalidObjectException(
                        object,
                        "endpoints",
                        endpoint.address + " is not of addressType "
                                + family.map(IpFamily::title).orElse("FQDN"));
            }
        }
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.ENDPOINT_SLICE, namespace, name);
    }

    /**
     * A port of all endpoints of a slice.
     *
     * @param name the name of the service's port that it stands for; empty if that has none
     * @param protocol its protocol
     * @param port its number, 1 to 65535
     */
    public record Port(String name, Protocol protocol, int port) {
        public Port {
            Names.requireServicePortName("name", name);
            Objects.requireNonNull(protocol, "protocol");
            Names.requirePort("port", port);
        }
    }

    /**
     * Whoever answers connections to a service, mostly a pod.
     *
     * @param address its address: the first that is said, as further ones have no meaning
     * @param condition whether connections may be sent to it
     * @param node the node that it is on; empty if it is on none, or that is not known
     * @param hints which clients should prefer it
     */
    public record Endpoint(IpAddress address, Condition condition, Optional<String> node, Hints hints) {
        public Endpoint {
            Names.requireReachable("addresses", address);
            Objects.requireNonNull(condition, "condition");
            Objects.requireNonNull(node, "node");
            Objects.requireNonNull(hints, "hints");
        }
    }

    /** Whether connections may be sent to an endpoint, as its {@code conditions} say together. */
    public enum Condition {
        /** It is ready, or taken for that ({@code publishNotReadyAddresses}). */
        READY,
        /** It terminates, and still serves: for when there is none that is ready. */
        DRAINING,
        /** No connections may be sent to it. */
        UNAVAILABLE
    }

    /**
     * Which clients should prefer an endpoint; none is said if the set is empty.
     *
     * @param zones those in these zones ({@code forZones})
     * @param nodes those on these nodes ({@code forNodes})
     */
    public record Hints(Set<String> zones, Set<String> nodes) {
        /** No preference. */
        public static final Hints NONE = new Hints(Set.of(), Set.of());

        public Hints {
            zones = Set.copyOf(zones);
            nodes = Set.copyOf(nodes);
        }
    }
}
