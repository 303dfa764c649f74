package dev.ikat.policy.compiler;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.AnyPort;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.Peer;
import dev.ikat.cluster.NetworkPolicy.PortMatch;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Flow;
import dev.ikat.testbed.random.Generator;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Objects, endpoints and flows from few names, so that they meet often. */
public final class RandomCluster {
    /** The name of the node that endpoints are on, and most of the pods that name none of them. */
    public static final String NODE = "node";

    private static final List<String> NAMESPACES = List.of("a", "b", "c");
    private static final int ADDRESSES = 12;

    private final Generator random;

    /** What comes is determined by the generator. */
    public RandomCluster(Generator random) {
        this.random = random;
    }

    /** A namespace, a pod or a policy. */
    public ClusterObject object() {
        return switch (random.between(0, 9)) {
            case 0, 1 -> new Namespace(random.oneOf(NAMESPACES), labels());
            case 2, 3, 4 -> policy();
            default -> pod();
        };
    }

    Pod pod() {
        List<IpAddress> ips = new ArrayList<>();
        if (random.chance(0.8)) {
            ips.add(address(false));
        }
        if (random.chance(0.5)) {
            ips.add(address(true));
        }
        List<Pod.NamedPort> ports = random.listOf(
                0, 3, r -> new Pod.NamedPort(r.oneOf("http", "dns"), r.oneOf(Protocol.values()), r.between(80, 83)));
        return new Pod(
                random.oneOf(NAMESPACES),
                podName(),
                labels(),
                Optional.of(random.chance(0.7) ? NODE : "elsewhere"),
                ips,
                random.chance(0.1),
                random.chance(0.8)
                        ? Pod.Phase.RUNNING
                        : random.oneOf(Pod.Phase.PENDING, Pod.Phase.SUCCEEDED, Pod.Phase.UNKNOWN),
                ports,
                random.between(0, 3),
                random.chance(0.1));
    }

    /** Of one of eight interfaces. */
    Endpoint endpoint() {
        List<IpAddress> addresses = new ArrayList<>(List.of(address(false)));
        if (random.chance(0.5)) {
            addresses.add(address(true));
        }
        return new Endpoint(
                new Attachment(new ContainerId("c" + random.between(0, 3)), new InterfaceName("eth0")),
                hostInterface(),
                addresses,
                random.chance(0.8) ? Optional.of(podKey()) : Optional.empty(),
                random.chance(0.2));
    }

    InterfaceName hostInterface() {
        return new InterfaceName("ik" + random.between(0, 7));
    }

    /** Between any two of the addresses. */
    public Flow flow(boolean v6) {
        int protocol = random.oneOf(6, 6, 17, 132, 1, 58, 47);
        boolean ports = protocol == 6 || protocol == 17 || protocol == 132;
        return new Flow(address(v6), address(v6), protocol, ports ? random.between(79, 84) : 0);
    }

    /** The name of a pod that may be among the objects. */
    public ObjectKey podKey() {
        return ClusterText.podKey(random.oneOf(NAMESPACES), podName());
    }

    private String podName() {
        return "p" + random.between(0, 3);
    }

    private IpAddress address(boolean v6) {
        return IpAddress.parse((v6 ? "fd00::" : "10.0.0.") + random.between(1, ADDRESSES));
    }

    private Labels labels() {
        Map<String, String> labels = new TreeMap<>();
        for (String key : List.of("app", "tier")) {
            if (random.chance(0.6)) {
                labels.put(key, random.oneOf("x", "y", "z"));
            }
        }
        return new Labels(labels);
    }

    private LabelSelector selector() {
        Map<String, String> match = random.chance(0.3) ? Map.of(key(), value()) : Map.of();
        List<Requirement> expressions = random.chance(0.4) ? List.of() : random.listOf(0, 2, _ -> requirement());
        return new LabelSelector(new Labels(match), expressions);
    }

    private Requirement requirement() {
        Operator operator = random.oneOf(Operator.values());
        boolean valued = operator == Operator.IN || operator == Operator.NOT_IN;
        return new Requirement(
                random.chance(0.2) ? Namespace.NAME_LABEL : key(),
                operator,
                valued
                        ? Set.copyOf(random.listOf(1, 3, r -> r.chance(0.2) ? r.oneOf(NAMESPACES) : value()))
                        : Set.of());
    }

    private String key() {
        return random.oneOf("app", "tier");
    }

    private String value() {
        return random.oneOf("x", "y", "z");
    }

    private NetworkPolicy policy() {
        Set<Direction> types = random.oneOf(
                EnumSet.of(Direction.INGRESS), EnumSet.of(Direction.EGRESS), EnumSet.allOf(Direction.class));
        return new NetworkPolicy(
                random.oneOf(NAMESPACES),
                "n" + random.between(0, 4),
                random.chance(0.3) ? LabelSelector.EVERYTHING : selector(),
                types,
                random.listOf(0, 3, _ -> rule()),
                random.listOf(0, 3, _ -> rule()));
    }

    private Rule rule() {
        return new Rule(random.listOf(0, 3, _ -> peer()), random.listOf(0, 3, _ -> portRule()));
    }

    private Peer peer() {
        return switch (random.between(0, 3)) {
            case 0 -> new SelectedPods(Optional.empty(), Optional.of(selector()));
            case 1 -> new SelectedPods(Optional.of(selector()), Optional.empty());
            case 2 -> new SelectedPods(Optional.of(selector()), Optional.of(selector()));
            default ->
                random.oneOf(
                        new IpBlock(Cidr.parse("10.0.0.0/29"), List.of(Cidr.parse("10.0.0.4/31"))),
                        new IpBlock(
                                Cidr.parse("0.0.0.0/0"), List.of(Cidr.parse("10.0.0.0/30"), Cidr.parse("10.0.0.8/32"))),
                        new IpBlock(Cidr.parse("fd00::/125"), List.of(Cidr.parse("fd00::2/128"))));
        };
    }

    private PortRule portRule() {
        int first = random.between(79, 84);
        PortMatch match = switch (random.between(0, 3)) {
            case 0 -> new AnyPort();
            case 1 -> new PortNumbers(first, first);
            case 2 -> new PortNumbers(first, random.between(first, 84));
            default -> new PortName(random.oneOf("http", "dns"));
        };
        return new PortRule(random.oneOf(Protocol.values()), match);
    }
}
