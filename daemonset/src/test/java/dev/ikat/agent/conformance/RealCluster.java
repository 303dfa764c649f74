package dev.ikat.agent.conformance;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.Manifests;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The cluster of the cases, with real agents and pods wired by the real plugin, in which every pod and every node
 * serves both ports. All objects are one manifest file, replaced at once; with each comes another version of a policy
 * over two pods that are there for nothing else, which tells when each agent has put the whole of it in force.
 */
final class RealCluster implements AutoCloseable {
    private static final int[] PORTS = {80, 81};
    private static final Duration EFFECT = Duration.ofSeconds(10);
    private static final Duration GLANCE = Duration.ofMillis(100);
    /** After this a connection counts as not made; those that should be are tried again with patience. */
    private static final Duration QUICK = Duration.ofMillis(150);

    private static final Duration PATIENT = Duration.ofSeconds(3);
    private static final String SENTRIES = "sentries";

    private final Cluster cluster;
    private final Map<String, ClusterPod> pods = new HashMap<>();
    private final List<ClusterPod> sentries = new ArrayList<>();
    private final List<Probe.Server> servers = new ArrayList<>();
    private int version;

    /** Starts it; the pods' objects are there before they are wired, their addresses after, as with a kubelet. */
    RealCluster(String... agentArguments) {
        cluster = Cluster.start(Cluster.Options.nodes(Ends.NODES.size()).withAgentArguments(agentArguments));
        try {
            cluster.apply("cluster.yaml", new ClusterText(_ -> List.of()).render() + sentryManifests());
            for (String pod : Ends.PODS) {
                pods.put(pod, add(node(Ends.nodeOf(pod)), Ends.namespaceOf(pod), Ends.nameOf(pod)));
            }
            for (ClusterNode node : cluster.nodes()) {
                sentries.add(add(node, SENTRIES, node.name()));
                servers.add(Probe.serve(node.namespace(), PORTS));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static ClusterPod add(ClusterNode node, String namespace, String name) {
        ClusterPod pod = node.addPod(namespace, name, new Json.Obj(Map.of()), TestNamespace.create());
        pod.serve(PORTS);
        return pod;
    }

    private ClusterNode node(String name) {
        return cluster.nodes().stream()
                .filter(node -> node.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private ClusterPod pod(String end) {
        return Objects.requireNonNull(pods.get(end), end);
    }

    /** The addresses of a pod or a node, IPv4 and IPv6. */
    List<IpAddress> addresses(String end) {
        return Ends.isNode(end)
                ? node(end).internalIps().stream()
                        .map(InterfaceAddress::address)
                        .toList()
                : pod(end).addresses();
    }

    private TestNamespace namespace(String end) {
        return Ends.isNode(end) ? node(end).namespace() : pod(end).namespace();
    }

    /** The port that the sentries take connections on in this version, and in no version beside it. */
    private int watchword() {
        return PORTS[version % PORTS.length];
    }

    private String sentryManifests() {
        StringBuilder yaml = new StringBuilder(Manifests.namespace(SENTRIES, "{}"));
        for (ClusterNode node : cluster.nodes()) {
            List<IpAddress> addresses = sentries.stream()
                    .filter(sentry -> sentry.node() == node)
                    .flatMap(sentry -> sentry.addresses().stream())
                    .toList();
            yaml.append(Manifests.pod(SENTRIES, node.name(), "{}", node.name(), "[]", addresses));
        }
        return yaml + Manifests.networkPolicy(SENTRIES, "watchword", """
                podSelector: {}
                ingress: [{ports: [{port: %d}]}]
                """.formatted(watchword()));
    }

    /** Makes the agents' objects these, and returns at once. */
    void publish(ClusterText text) {
        version++;
        cluster.apply("cluster.yaml", text.render() + sentryManifests());
    }

    /** Returns when every agent has put in force what was published last. */
    void awaitInForce() {
        // Of both families: iptables changes one after the other.
        List<Probe.Target> watchwords = new ArrayList<>();
        sentries.getFirst()
                .addresses()
                .forEach(
                        to -> watchwords.add(Probe.Target.tcp(sentries.getLast().namespace(), to, watchword())));
        sentries.getLast()
                .addresses()
                .forEach(to ->
                        watchwords.add(Probe.Target.tcp(sentries.getFirst().namespace(), to, watchword())));
        Await.until(
                EFFECT,
                () -> "the agents have not put the change in force: "
                        + cluster.nodes().stream().map(ClusterNode::logTail).toList(),
                () -> Probe.failures(watchwords, GLANCE).isEmpty());
        // What passed before is nobody's new connection; that such are cut is tested elsewhere.
        cluster.nodes().forEach(node -> node.namespace().exec("conntrack", "--flush"));
    }

    /** Tries every connection at once, and once more with patience where it was expected but not made in time. */
    Map<Cell, Boolean> observe(Map<Cell, Boolean> expected) {
        List<Cell> cells = List.copyOf(expected.keySet());
        Map<Cell, Boolean> made = new HashMap<>(check(cells, QUICK));
        List<Cell> slow = cells.stream()
                .filter(cell -> Boolean.TRUE.equals(expected.get(cell)) && Boolean.FALSE.equals(made.get(cell)))
                .toList();
        made.putAll(check(slow, PATIENT));
        return made;
    }

    private Map<Cell, Boolean> check(List<Cell> cells, Duration limit) {
        Map<Cell, Boolean> made = new HashMap<>();
        if (!cells.isEmpty()) {
            List<Probe.Outcome> outcomes =
                    Probe.check(cells.stream().map(this::target).toList(), limit);
            for (int i = 0; i < cells.size(); i++) {
                made.put(cells.get(i), outcomes.get(i).reached());
            }
        }
        return made;
    }

    private Probe.Target target(Cell cell) {
        Attempt attempt = cell.attempt();
        IpAddress to = addresses(cell.to()).stream()
                .filter(address -> address.family() == attempt.family())
                .findFirst()
                .orElseThrow();
        return new Probe.Target(namespace(cell.from()), attempt.protocol(), to, attempt.port(), Probe.SMALL);
    }

    @Override
    public void close() {
        servers.forEach(Probe.Server::close);
        cluster.close();
    }
}
