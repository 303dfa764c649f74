package dev.ikat.testbed.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.StaleResources;
import dev.ikat.testbed.host.Teardown;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A cluster on one machine: nodes that are network namespaces on an {@link Underlay}, each with its own agent process,
 * and pods that the real launcher wires. The directory of manifests, which all agents watch, replaces the API server.
 *
 * <p>Everything created here is removed by {@link #close()}, by {@link Teardown} if that is never reached (Ctrl-C), and
 * by the next run if this process is killed ({@link StaleResources}).
 */
public final class Cluster implements AutoCloseable {
    /** How long an agent may take from its start until it is ready. */
    public static final Duration READY_LIMIT = Duration.ofMinutes(2);

    private final Options options;
    private final TestDirectory directory;
    private final Path manifests;
    private final Underlay underlay;
    private final List<ClusterNode> nodes = new ArrayList<>();
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * The properties of a cluster. Immutable; the {@code with} methods return changed copies.
     *
     * @param distribution what is tested
     * @param subnets for each node its subnet of the underlay; the size is the number of nodes
     * @param agentArguments options of every agent in addition to those that name its node and directories
     * @param runtimeHosts whether each node has mounts and processes of its own, to run a container runtime in
     * @param racks whether each subnet is a rack with a router of its own
     */
    public record Options(
            Distribution distribution,
            List<Integer> subnets,
            List<String> agentArguments,
            boolean runtimeHosts,
            boolean racks) {
        public Options {
            subnets = List.copyOf(subnets);
            agentArguments = List.copyOf(agentArguments);
        }

        /** One subnet, VXLAN between the nodes, the configured distribution. */
        public static Options nodes(int count) {
            return new Options(
                    Distribution.configured(), java.util.Collections.nCopies(count, 0), List.of(), false, false);
        }

        /** With nodes in these subnets of the underlay, one for each node. */
        public Options withSubnets(Integer... perNode) {
            return new Options(distribution, List.of(perNode), agentArguments, runtimeHosts, racks);
        }

        /** With these options of the agents, after those given before. */
        public Options withAgentArguments(String... more) {
            List<String> all = new ArrayList<>(agentArguments);
            all.addAll(List.of(more));
            return new Options(distribution, subnets, all, runtimeHosts, racks);
        }

        /** With mounts and processes of its own for each node. */
        public Options withRuntimeHosts() {
            return new Options(distribution, subnets, agentArguments, true, racks);
        }

        /** With a router for each subnet. */
        Options withRacks() {
            return new Options(distribution, subnets, agentArguments, runtimeHosts, true);
        }
    }

    private Cluster(Options options) {
        this.options = options;
        this.directory = TestDirectory.create();
        this.manifests = directory.directory("manifests");
        this.underlay = new Underlay(options.racks);
    }

    /** Creates the underlay and the nodes' namespaces and manifests; no agent runs yet. */
    public static Cluster create(Options options) {
        Cluster cluster = Teardown.make(() -> new Cluster(options));
        try {
            for (int i = 0; i < options.subnets.size(); i++) {
                cluster.addNode(i + 1, options.subnets.get(i));
            }
            return cluster;
        } catch (RuntimeException | Error e) {
            cluster.close();
            throw e;
        }
    }

    /** Creates a cluster, starts all agents at once and waits until every one is ready. */
    public static Cluster start(Options options) {
        Cluster cluster = create(options);
        try {
            cluster.startAgents();
            return cluster;
        } catch (RuntimeException | Error e) {
            cluster.close();
            throw e;
        }
    }

    private void addNode(int number, int subnet) {
        TestNamespace namespace = TestNamespace.create();
        // From here on close() knows it.
        ClusterNode node = new ClusterNode(this, namespace, number, subnet);
        nodes.add(node);
        underlay.attach(namespace, subnet, node.host());
        node.prepare();
        publish(node);
    }

    /** Starts every agent and waits until each is ready. */
    public void startAgents() {
        nodes.forEach(ClusterNode::startAgent);
        nodes.forEach(node -> node.awaitFirstReady(READY_LIMIT));
    }

    /** Writes a node's manifest with its present addresses, atomically. */
    public void publish(ClusterNode node) {
        apply(node.name() + ".yaml", node.manifest());
    }

    /** Removes a node's manifest. */
    public void withdraw(ClusterNode node) {
        delete(node.name() + ".yaml");
    }

    /** Writes a manifest file atomically. */
    public void apply(String fileName, String yaml) {
        try {
            // A name that begins with a dot is no manifest yet.
            Path temporary = Files.writeString(manifests.resolve("." + fileName + ".tmp"), yaml);
            Files.move(temporary, manifests.resolve(fileName), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Removes a manifest file, if it exists. */
    public void delete(String fileName) {
        try {
            Files.deleteIfExists(manifests.resolve(fileName));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Options options() {
        return options;
    }

    TestDirectory directory() {
        return directory;
    }

    Path manifests() {
        return manifests;
    }

    /** The network between the nodes, and the world outside. */
    public Underlay underlay() {
        return underlay;
    }

    /** The nodes, in their order. */
    public List<ClusterNode> nodes() {
        return List.copyOf(nodes);
    }

    /** The node with this index, from 0. */
    public ClusterNode node(int index) {
        return nodes.get(index);
    }

    /** The pods of all nodes. */
    public List<ClusterPod> pods() {
        return nodes.stream().flatMap(node -> node.pods().stream()).toList();
    }

    /** Every connection from every pod to every other: TCP, UDP and ICMP to each of its addresses. */
    public List<Probe.Target> allPairs() {
        List<Probe.Target> targets = new ArrayList<>();
        for (ClusterPod from : pods()) {
            for (ClusterPod to : pods()) {
                if (from != to) {
                    targets.addAll(from.targets(to));
                }
            }
        }
        return targets;
    }

    /** Whether an address is one that pods of this cluster can get. */
    public boolean isPodAddress(IpAddress address) {
        return nodes.stream().flatMap(node -> node.podCidrs().stream()).anyMatch((Cidr cidr) -> cidr.contains(address));
    }

    /** Keeps everything when this process ends; {@link StaleResources#sweepKept} removes it. */
    public void keep() {
        try {
            Files.writeString(
                    directory.path().resolve(StaleResources.KEEP),
                    StaleResources.checkout().toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Teardown.forgetAll();
        closed.set(true);
    }

    /**
     * Stops the agents and removes every namespace and file, without DEL for the pods. Idempotent; a second call waits
     * for the first, because after Ctrl-C the process may end as soon as {@link Teardown} has returned from here.
     */
    @Override
    public synchronized void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        List<CompletableFuture<Void>> ends = nodes.stream()
                .map(node -> CompletableFuture.runAsync(node::close))
                .toList();
        ends.forEach(CompletableFuture::join);
        underlay.close();
        directory.close();
        Teardown.forget(this);
    }
}
