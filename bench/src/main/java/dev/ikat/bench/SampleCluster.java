package dev.ikat.bench;

import static dev.ikat.policy.compiler.ClusterText.anyOf;
import static dev.ikat.policy.compiler.ClusterText.egress;
import static dev.ikat.policy.compiler.ClusterText.ingress;
import static dev.ikat.policy.compiler.ClusterText.isolated;
import static dev.ikat.policy.compiler.ClusterText.namespaces;
import static dev.ikat.policy.compiler.ClusterText.on;
import static dev.ikat.policy.compiler.ClusterText.pods;
import static dev.ikat.policy.compiler.ClusterText.port;
import static dev.ikat.policy.compiler.ClusterText.tcp;
import static dev.ikat.policy.compiler.ClusterText.withLabels;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.testbed.random.Generator;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A cluster for measurements: pods with two addresses, ten policies in each namespace. Random choices come from a fixed
 * seed, so that each run has the same cluster.
 */
public final class SampleCluster {
    private static final int POLICIES_PER_NAMESPACE = 10;
    private static final int APPS = 20;

    private final Generator random = new Generator(1);
    private final List<ClusterObject> objects = new ArrayList<>();
    private final List<Pod> pods = new ArrayList<>();
    private final int nodes;
    private final int namespaces;

    /** Creates all of its objects. */
    public SampleCluster(int nodes, int namespaces, int pods) {
        this.nodes = nodes;
        this.namespaces = namespaces;
        for (int i = 0; i < namespaces; i++) {
            objects.add(new Namespace(
                    name(i),
                    Labels.of(
                            "team",
                            "t" + i % 50,
                            "env",
                            List.of("dev", "qa", "prod").get(i % 3))));
            objects.addAll(policies(i));
        }
        for (int i = 0; i < pods; i++) {
            this.pods.add(pod(i));
        }
        objects.addAll(this.pods);
    }

    /** All of its objects as one change. */
    public ClusterChange everything() {
        return new ClusterChange(objects, List.of(), List.of());
    }

    /** The endpoints of this many of its pods, which run on this node. */
    public List<Endpoint> endpoints(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> endpoint(pods.get(i * (pods.size() / count))))
                .toList();
    }

    /** All of its pods. */
    public List<Pod> allPods() {
        return pods;
    }

    /** The same pod with other, random labels. */
    public Pod relabelled(Pod pod) {
        return withLabels(pod, "app", "a" + random.between(0, APPS - 1), "tier", "r" + random.between(0, 4));
    }

    private static String name(int namespace) {
        return "ns-" + namespace;
    }

    /** A new pod with this number and random labels. */
    public Pod pod(int i) {
        int namespace = i % namespaces;
        return new Pod(
                name(namespace),
                "pod-" + i,
                Labels.of(
                        "app",
                        "a" + random.between(0, APPS - 1),
                        "tier",
                        "r" + random.between(0, 4),
                        "pod-template-hash",
                        "h" + random.between(0, 9_999),
                        "statefulset.kubernetes.io/pod-name",
                        "pod-" + i),
                Optional.of("node-" + i % nodes),
                List.of(IpAddress.v4(0x0a00_0000 + i), new IpAddress(IpFamily.IPV6, 0xfd00L << 48, i)),
                false,
                Pod.Phase.RUNNING,
                List.of(new Pod.NamedPort("http", Protocol.TCP, 8_000 + i % 10)));
    }

    /** The pod's endpoint on this node. */
    public static Endpoint endpoint(Pod pod) {
        return new Endpoint(
                new Attachment(new ContainerId(pod.name()), new InterfaceName("eth0")),
                new InterfaceName("ik-" + pod.name()),
                pod.ips(),
                Optional.of(pod.key()));
    }

    private List<NetworkPolicy> policies(int namespace) {
        List<NetworkPolicy> policies = new ArrayList<>();
        policies.add(isolated(name(namespace), "default-deny", LabelSelector.EVERYTHING));
        policies.add(egress(
                name(namespace),
                "dns",
                LabelSelector.EVERYTHING,
                on(anyOf(namespaces("kubernetes.io/metadata.name", "ns-0")), tcp(53))));
        for (int i = policies.size(); i < POLICIES_PER_NAMESPACE; i++) {
            LabelSelector selected = LabelSelector.of("tier", "r" + random.between(0, 4));
            SelectedPods elsewhere = new SelectedPods(
                    Optional.of(LabelSelector.of("team", "t" + random.between(0, 49))),
                    Optional.of(LabelSelector.of("app", "a" + random.between(0, APPS - 1))));
            policies.add(
                    switch (i % 4) {
                        case 0 ->
                            ingress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(
                                            anyOf(pods("app", "a" + random.between(0, APPS - 1)), elsewhere),
                                            tcp(80),
                                            tcp(443)));
                        case 1 ->
                            ingress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(anyOf(namespaces("env", "prod")), tcp(9_090)));
                        case 2 ->
                            egress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(anyOf(elsewhere, pods()), port(Protocol.TCP, new PortName("http"))));
                        default ->
                            egress(
                                    name(namespace),
                                    "p" + i,
                                    selected,
                                    on(
                                            anyOf(new IpBlock(
                                                    Cidr.parse("0.0.0.0/0"),
                                                    List.of(Cidr.parse("10.0.0.0/8"), Cidr.parse("192.168.0.0/16")))),
                                            tcp(443)));
                    });
        }
        return policies;
    }
}
