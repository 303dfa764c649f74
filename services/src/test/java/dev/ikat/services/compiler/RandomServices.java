package dev.ikat.services.compiler;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Endpoint;
import dev.ikat.cluster.EndpointSlice.Hints;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.External;
import dev.ikat.cluster.Service.Ingress;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.cluster.ServiceCidr;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Connection;
import dev.ikat.services.program.Connection.Origin;
import dev.ikat.services.program.Frontend;
import dev.ikat.testbed.random.Generator;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/** Services, endpoints, nodes and connections from few names and addresses, so that they meet often. */
public final class RandomServices {
    /** The name of the node that programs are for. */
    public static final String NODE = "node";

    private static final int ENDPOINTS = 8;

    private final Generator random;

    /** What comes is determined by the generator. */
    public RandomServices(Generator random) {
        this.random = random;
    }

    /** A service, an endpoint slice, a node or a service CIDR. */
    public ClusterObject object() {
        return switch (random.between(0, 19)) {
            case 0 -> node(NODE);
            case 1 -> node("elsewhere");
            case 2 ->
                new ServiceCidr(
                        "c" + random.between(0, 1),
                        List.of(Cidr.parse(random.oneOf("10.96.0.0/16", "10.97.0.0/16", "fd96::/112"))));
            case 3, 4, 5, 6, 7, 8 -> service();
            default -> slice();
        };
    }

    /** Settings of a node. */
    public ServiceSettings settings() {
        return new ServiceSettings(
                random.chance(0.8),
                random.chance(0.6)
                        ? List.of()
                        : List.of(Cidr.parse(random.oneOf("192.0.2.0/31", "0.0.0.0/0")), Cidr.parse("fd99::/64")));
    }

    /** A connection to any of the addresses that services may have, or to none of them. */
    public Connection connection() {
        IpFamily family = random.oneOf(IpFamily.values());
        IpAddress destination = random.oneOf(clusterIp(family), external(family), nodeIp(family));
        IpAddress source = random.chance(0.5) ? endpointIp(family) : external(family);
        int port = random.chance(0.7) ? random.between(80, 82) : random.between(30_000, 30_002);
        return new Connection(source, random.oneOf(Origin.values()), new Frontend(destination, protocol(), port));
    }

    private Node node(String name) {
        List<IpAddress> ips = new ArrayList<>();
        IntStream.rangeClosed(1, random.between(0, 2)).forEach(_ -> ips.add(nodeIp(IpFamily.IPV4)));
        if (random.chance(0.7)) {
            ips.add(nodeIp(IpFamily.IPV6));
        }
        return new Node(
                name,
                random.chance(0.3) ? Labels.NONE : Labels.of("topology.kubernetes.io/zone", zone()),
                random.chance(0.2) ? List.of() : List.of(Cidr.parse("10.0." + random.between(0, 2) + ".0/24")),
                ips);
    }

    Service service() {
        List<IpAddress> clusterIps = new ArrayList<>();
        if (random.chance(0.85)) {
            clusterIps.add(clusterIp(IpFamily.IPV4));
        }
        if (random.chance(0.5)) {
            clusterIps.add(clusterIp(IpFamily.IPV6));
        }
        return new Service(
                namespace(),
                name(),
                random.chance(0.1) ? Service.Type.EXTERNAL_NAME : random.oneOf(Service.Type.values()),
                clusterIps,
                random.listOf(0, 3, _ -> port()),
                external(),
                policy(),
                random.chance(0.8) ? Optional.empty() : Optional.of(Duration.ofSeconds(random.between(1, 3))),
                random.chance(0.07),
                random.chance(0.2) ? Optional.empty() : Optional.of(Instant.ofEpochSecond(random.between(1, 3))));
    }

    private Service.Port port() {
        return new Service.Port(
                portName(),
                protocol(),
                random.between(80, 82),
                random.chance(0.5) ? 0 : random.between(30_000, 30_002));
    }

    private External external() {
        return new External(
                policy(),
                random.listOf(0, 2, _ -> external(family())),
                random.listOf(
                        0, 2, _ -> new Ingress(external(family()), random.oneOf(IpMode.VIP, IpMode.VIP, IpMode.PROXY))),
                random.chance(0.6)
                        ? List.of()
                        : random.listOf(
                                1, 2, r -> Cidr.parse(r.oneOf("203.0.113.0/31", "10.0.0.0/29", "fd00::/125", "::/0"))),
                random.chance(0.5) ? 0 : random.between(32_000, 32_002));
    }

    EndpointSlice slice() {
        IpFamily family = family();
        boolean hasAddresses = random.chance(0.95);
        int hinted = random.between(0, 3);
        return new EndpointSlice(
                namespace(),
                "s" + random.between(0, 5),
                random.chance(0.05) ? "" : name(),
                hasAddresses ? Optional.of(family) : Optional.empty(),
                random.listOf(0, 3, r -> new EndpointSlice.Port(portName(), protocol(), r.between(8080, 8081))),
                hasAddresses ? random.listOf(0, 4, _ -> endpoint(family, hinted)) : List.of());
    }

    private Endpoint endpoint(IpFamily family, int hinted) {
        boolean forgotten = random.chance(0.1);
        return new Endpoint(
                endpointIp(family),
                random.oneOf(Condition.READY, Condition.READY, Condition.DRAINING, Condition.UNAVAILABLE),
                random.chance(0.1) ? Optional.empty() : Optional.of(nodeName()),
                new Hints(
                        (hinted & 1) == 0 || forgotten ? Set.of() : Set.of(zone()),
                        (hinted & 2) == 0 || forgotten ? Set.of() : Set.of(nodeName())));
    }

    private String namespace() {
        return random.oneOf("a", "b");
    }

    private String name() {
        return "w" + random.between(0, 2);
    }

    private String portName() {
        return random.oneOf("", "http", "dns");
    }

    private String zone() {
        return random.oneOf("x", "y");
    }

    private String nodeName() {
        return random.oneOf(NODE, NODE, "elsewhere");
    }

    private TrafficPolicy policy() {
        return random.oneOf(TrafficPolicy.values());
    }

    private Protocol protocol() {
        return random.oneOf(Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.SCTP);
    }

    private IpFamily family() {
        return random.oneOf(IpFamily.IPV4, IpFamily.IPV4, IpFamily.IPV6);
    }

    private IpAddress clusterIp(IpFamily family) {
        return address(family, "10.96.0.", "fd96::", random.between(1, 6));
    }

    private IpAddress nodeIp(IpFamily family) {
        return address(family, "192.0.2.", "fd99::", random.between(1, 3));
    }

    private IpAddress endpointIp(IpFamily family) {
        return address(family, "10.0.0.", "fd00::", random.between(1, ENDPOINTS));
    }

    /** Mostly one of nobody else's. */
    private IpAddress external(IpFamily family) {
        return switch (random.between(0, 9)) {
            case 0 -> clusterIp(family);
            case 1 -> nodeIp(family);
            default -> address(family, "203.0.113.", "fdee::", random.between(1, 4));
        };
    }

    private static IpAddress address(IpFamily family, String v4, String v6, int last) {
        return IpAddress.parse((family == IpFamily.IPV4 ? v4 : v6) + last);
    }
}
