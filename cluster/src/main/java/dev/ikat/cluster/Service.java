package dev.ikat.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A service: addresses and ports at which the pods behind it are reached. Which pods these are, its
 * {@linkplain EndpointSlice endpoint slices} say.
 *
 * @param namespace its namespace
 * @param name its name in that namespace
 * @param type how it is exposed
 * @param clusterIps its addresses within the cluster, at most one of each family; none if it is headless
 *     ({@code clusterIP: None}) or has no address yet
 * @param ports its ports
 * @param external how it is reached from outside of the cluster
 * @param internalTrafficPolicy which endpoints connections to {@code clusterIps} may go to
 * @param affinity how long a client keeps its endpoint ({@code sessionAffinity: ClientIP}); empty if it does not
 * @param leftToOthers whether another proxy or none is to serve it: it has the label {@value #PROXY_NAME_LABEL} or
 *     {@value #HEADLESS_LABEL}
 * @param created when it was created; empty if not known
 */
public record Service(
        String namespace,
        String name,
        Type type,
        List<IpAddress> clusterIps,
        List<Port> ports,
        External external,
        TrafficPolicy internalTrafficPolicy,
        Optional<Duration> affinity,
        boolean leftToOthers,
        Optional<Instant> created)
        implements ClusterObject {
    /** The label of a service that another proxy serves, with that proxy's name. */
    public static final String PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name";

    /** The label of a service that no proxy serves, whatever its value. */
    public static final String HEADLESS_LABEL = "service.kubernetes.io/headless";

    /** How long a client keeps its endpoint if the service does not say. */
    public static final Duration DEFAULT_AFFINITY = Duration.ofHours(3);

    /** The longest that a service may say. */
    public static final Duration LONGEST_AFFINITY = Duration.ofDays(1);

    public Service {
        String object = new ObjectKey(ObjectKind.SERVICE, namespace, name).toString();
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(external, "external");
        Objects.requireNonNull(internalTrafficPolicy, "internalTrafficPolicy");
        Objects.requireNonNull(created, "created");
        clusterIps = List.copyOf(clusterIps);
        ports = List.copyOf(ports);
        Set<IpFamily> families = EnumSet.noneOf(IpFamily.class);
        for (IpAddress ip : clusterIps) {
            if (!families.add(ip.family())) {
                throw new InvalidObjectException(object, "spec.clusterIPs", "two of one address family: " + clusterIps);
            }
        }
        affinity.ifPresent(timeout -> {
            if (timeout.compareTo(Duration.ofSeconds(1)) < 0 || timeout.compareTo(LONGEST_AFFINITY) > 0) {
                throw new InvalidObjectException(
                        object,
                        "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
                        "has to be 1 to " + LONGEST_AFFINITY.toSeconds() + ", but is " + timeout.toSeconds());
            }
        });
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.SERVICE, namespace, name);
    }

    /** {@code spec.type}. */
    public enum Type {
        CLUSTER_IP("ClusterIP"),
        NODE_PORT("NodePort"),
        LOAD_BALANCER("LoadBalancer"),
        /** Another name for something outside of the cluster: DNS alone knows it. */
        EXTERNAL_NAME("ExternalName");

        private final String title;

        Type(String title) {
            this.title = title;
        }

        /** Kubernetes' name for it. */
        public String title() {
            return title;
        }
    }

    /** Which of the endpoints connections go to. */
    public enum TrafficPolicy {
        /** Any. */
        CLUSTER("Cluster"),
        /** Those of the node at which a connection arrives. */
        LOCAL("Local");

        private final String title;

        TrafficPolicy(String title) {
            this.title = title;
        }

        /** Kubernetes' name for it. */
        public String title() {
            return title;
        }
    }

    /**
     * A port of a service.
     *
     * @param name its name, by which endpoint slices have its endpoints; empty if it has none
     * @param protocol its protocol
     * @param port its number, 1 to 65535
     * @param nodePort its number at the addresses of nodes; 0 if it is not reached there
     */
    public record Port(String name, Protocol protocol, int port, int nodePort) {
        public Port {
            Names.requireServicePortName("name", name);
            Objects.requireNonNull(protocol, "protocol");
            Names.requirePort("port", port);
            if (nodePort != 0) {
                Names.requirePort("nodePort", nodePort);
            }
        }
    }

    /**
     * How a service is reached from outside of the cluster.
     *
     * @param trafficPolicy which endpoints connections to node ports, external addresses and load balancers' addresses
     *     may go to ({@code spec.externalTrafficPolicy})
     * @param ips further addresses whose packets the network brings to nodes ({@code spec.externalIPs})
     * @param ingress the addresses of its load balancer
     * @param sourceRanges from where its load balancer's addresses may be reached; none for everywhere
     * @param healthCheckNodePort where a load balancer asks a node whether it has endpoints; 0 for nowhere
     */
    public record External(
            TrafficPolicy trafficPolicy,
            List<IpAddress> ips,
            List<Ingress> ingress,
            List<Cidr> sourceRanges,
            int healthCheckNodePort) {
        /** A service that is reached from within the cluster only, or at node ports. */
        public static final External NONE = new External(TrafficPolicy.CLUSTER, List.of(), List.of(), List.of(), 0);

        public External {
            Objects.requireNonNull(trafficPolicy, "trafficPolicy");
            ips = List.copyOf(ips);
            ingress = List.copyOf(ingress);
            sourceRanges = List.copyOf(sourceRanges);
            for (IpAddress ip : ips) {
                Names.requireReachable("spec.externalIPs", ip);
            }
            if (healthCheckNodePort != 0) {
                Names.requirePort("spec.healthCheckNodePort", healthCheckNodePort);
            }
        }
    }

    /**
     * An address of a load balancer ({@code status.loadBalancer.ingress}).
     *
     * @param ip the address
     * @param mode how its packets arrive at nodes
     */
    public record Ingress(IpAddress ip, IpMode mode) {
        public Ingress {
            Objects.requireNonNull(ip, "ip");
            Objects.requireNonNull(mode, "mode");
        }
    }

    /** How packets of a load balancer arrive at nodes. */
    public enum IpMode {
        /** With the load balancer's address as destination. */
        VIP("VIP"),
        /** With a node's or a pod's address: nodes have nothing to do with the load balancer's. */
        PROXY("Proxy");

        private final String title;

        IpMode(String title) {
            this.title = title;
        }

        /** Kubernetes' name for it. */
        public String title() {
            return title;
        }
    }
}
