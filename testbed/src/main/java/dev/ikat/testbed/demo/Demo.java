package dev.ikat.testbed.demo;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.Manifests;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.StaleResources;
import dev.ikat.testbed.host.Teardown;
import dev.ikat.testbed.report.CommandErrors;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code ./dev demo}: a cluster on this machine, wired by the real agent and plugin, in which every pod tries to
 * connect to every other: without network policies, by a service, and with policies.
 */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "Creates nodes and pods as network namespaces, wires them with the real agent and plugin, tries every",
            "connection, spreads connections to a service, tries again with network policies, and removes everything, also",
            "after Ctrl-C. 'bgp' shows something else: ./dev demo bgp --help"
        },
        subcommands = BgpDemo.class)
public final class Demo implements Callable<Integer> {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(3);
    private static final int MOST_NODES = 20;
    /** A page has room for the table of so many. */
    private static final int MOST_PODS = 100;

    private static final List<String> OVERLAYS = List.of("vxlan", "direct", "auto");
    private static final List<String> BACKENDS = List.of("nftables", "iptables", "ebpf");

    @Option(
            names = "--nodes",
            paramLabel = "N",
            description = "number of nodes, 1 to 20 (default: ${DEFAULT-VALUE})",
            defaultValue = "2")
    private int nodeCount;

    @Option(
            names = "--pods",
            paramLabel = "N",
            description = "number of pods, 1 to 100, distributed over the nodes (default: ${DEFAULT-VALUE})",
            defaultValue = "4")
    private int podCount;

    @Option(
            names = "--overlay",
            paramLabel = "MODE",
            description = "overlay mode: vxlan, direct or auto (default: ${DEFAULT-VALUE})",
            defaultValue = "vxlan")
    private String overlay = "vxlan";

    @Option(
            names = "--policy-backend",
            paramLabel = "BACKEND",
            description = "what enforces policies: nftables, iptables or ebpf (default: ${DEFAULT-VALUE})",
            defaultValue = "nftables")
    private String backend = "nftables";

    @Option(names = "--keep", description = "keep everything, and print how to enter it")
    private boolean keep;

    @Option(names = "--clean", description = "only remove what earlier demos of this checkout kept")
    private boolean clean;

    private final Terminal terminal = Terminal.standard();

    @Spec
    private @Nullable CommandSpec spec;

    /** Exits with 0 if every pod reached every other, and with policies only the allowed ones. */
    public static void main(String[] arguments) {
        System.exit(CommandErrors.inOneLine(new CommandLine(new Demo()).setCommandName("./dev demo"))
                .execute(arguments));
    }

    @Override
    public Integer call() {
        if (clean) {
            StaleResources.sweepKept().forEach(line -> terminal.line("  removed " + line));
            return 0;
        }
        checkOptions();
        long start = System.nanoTime();
        Thread farewell = new Thread(
                () -> terminal.line(System.lineSeparator() + "  interrupted: removing everything"), "farewell");
        Runtime.getRuntime().addShutdownHook(farewell);
        terminal.line(terminal.bold("Ikat: %d nodes, %d pods, IPv4 and IPv6, overlay %s, policies by %s, services"
                .formatted(nodeCount, podCount, overlay, backend)));
        terminal.line("");
        Cluster cluster = terminal.timed(
                "namespaces for the underlay and the nodes",
                () -> Cluster.create(Cluster.Options.nodes(nodeCount)
                        .withAgentArguments("--overlay=" + overlay, "--policy-backend=" + backend, "--services=true")));
        try (cluster) {
            terminal.timed("agents ready on all nodes", () -> {
                cluster.startAgents();
                return cluster;
            });
            addPods(cluster);
            terminal.heading("Address plan");
            terminal.table(addressPlan(cluster));
            boolean connected = connect(cluster);
            boolean allReached = connected;
            if (podCount > 1) {
                allReached &= new ServiceScene(cluster, terminal).play();
                allReached &= new PolicyScene(cluster, terminal).play();
            }
            if (keep) {
                Runtime.getRuntime().removeShutdownHook(farewell);
                stay(cluster);
                return allReached ? 0 : 1;
            }
            terminal.heading("Taking it down");
            boolean nothingLeft = deletePods(cluster);
            terminal.timed("agents stopped, namespaces and files removed", () -> {
                cluster.close();
                return cluster;
            });
            Runtime.getRuntime().removeShutdownHook(farewell);
            terminal.line("");
            terminal.line("  %s in %.1f s"
                    .formatted(
                            allReached && nothingLeft ? terminal.good("all well") : terminal.bad("NOT ALL WELL"),
                            (System.nanoTime() - start) / 1e9));
            return allReached && nothingLeft ? 0 : 1;
        } catch (CommandFailedException | CniFailedException e) {
            if (!Teardown.isEnding()) {
                Runtime.getRuntime().removeShutdownHook(farewell);
                terminal.line("  " + terminal.no() + " " + e.getMessage());
            }
            return 1;
        }
    }

    private void checkOptions() {
        CommandLine command =
                Objects.requireNonNull(spec, "only picocli may call this").commandLine();
        if (nodeCount < 1 || nodeCount > MOST_NODES) {
            throw CommandErrors.invalid(command, "--nodes", nodeCount, "1 to " + MOST_NODES);
        }
        if (podCount < 1 || podCount > MOST_PODS) {
            throw CommandErrors.invalid(command, "--pods", podCount, "1 to " + MOST_PODS);
        }
        if (!OVERLAYS.contains(overlay)) {
            throw CommandErrors.invalid(command, "--overlay", overlay, String.join(" or ", OVERLAYS));
        }
        if (!BACKENDS.contains(backend)) {
            throw CommandErrors.invalid(command, "--policy-backend", backend, String.join(" or ", BACKENDS));
        }
    }

    private void addPods(Cluster cluster) {
        publishPods(cluster);
        for (int i = 0; i < podCount; i++) {
            ClusterNode node = nodeOf(cluster, i);
            String name = podName(i);
            long start = System.nanoTime();
            ClusterPod pod = node.addPod(name);
            String addresses = pod.addresses().stream().map(IpAddress::toString).collect(Collectors.joining(", "));
            terminal.step(
                    "ADD %s on %s: %s".formatted(name, node, addresses), Duration.ofNanos(System.nanoTime() - start));
            pod.serve(keep, ClusterPod.PORT);
        }
        publishPods(cluster);
    }

    private ClusterNode nodeOf(Cluster cluster, int index) {
        return cluster.node(index * nodeCount / podCount);
    }

    private static String podName(int index) {
        return "pod-" + (index + 1);
    }

    /** As the API server would have them: without addresses until ADD gave them some. */
    private void publishPods(Cluster cluster) {
        StringBuilder yaml = new StringBuilder(Manifests.namespace("default", "{}"));
        for (int i = 0; i < podCount; i++) {
            String name = podName(i);
            yaml.append(PolicyScene.manifest(
                    name,
                    nodeOf(cluster, i),
                    cluster.pods().stream()
                            .filter(pod -> pod.name().equals(name))
                            .flatMap(pod -> pod.addresses().stream())
                            .toList()));
        }
        cluster.apply("pods.yaml", yaml.toString());
    }

    private static List<List<String>> addressPlan(Cluster cluster) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("", "IPv4", "IPv6", "where"));
        for (ClusterNode node : cluster.nodes()) {
            rows.add(List.of(
                    node.name(),
                    node.internalIps().get(0).toString(),
                    node.internalIps().get(1).toString(),
                    "underlay"));
            rows.add(List.of(
                    "  its pods",
                    node.podCidrs().get(0).toString(),
                    node.podCidrs().get(1).toString(),
                    ""));
            for (ClusterPod pod : node.pods()) {
                rows.add(List.of(
                        "  " + pod.name(),
                        address(pod, IpFamily.IPV4),
                        address(pod, IpFamily.IPV6),
                        "namespace " + pod.namespace().name()));
            }
        }
        return rows;
    }

    private static String address(ClusterPod pod, IpFamily family) {
        return pod.address(family).map(IpAddress::toString).orElse("-");
    }

    private boolean connect(Cluster cluster) {
        long start = System.nanoTime();
        List<ClusterPod> pods = cluster.pods();
        List<Probe.Target> targets = new ArrayList<>();
        for (ClusterPod from : pods) {
            for (ClusterPod to : pods) {
                targets.addAll(attempts(from, to));
            }
        }
        List<Probe.Outcome> outcomes = Probe.check(targets, CONNECT_LIMIT);
        terminal.heading("Every pod to every pod: %d connections in %s (each cell: TCP v4, TCP v6, ping v4, ping v6)"
                .formatted(outcomes.size(), Terminal.milliseconds(Duration.ofNanos(System.nanoTime() - start))));
        List<List<String>> rows = new ArrayList<>();
        List<String> header = new ArrayList<>(List.of("from \\ to"));
        pods.forEach(pod -> header.add(pod.name()));
        rows.add(header);
        int next = 0;
        for (ClusterPod from : pods) {
            List<String> row = new ArrayList<>(List.of("%s (%s)".formatted(from.name(), from.node())));
            for (ClusterPod to : pods) {
                int size = attempts(from, to).size();
                row.add(outcomes.subList(next, next + size).stream()
                        .map(outcome -> outcome.reached() ? terminal.yes() : terminal.no())
                        .collect(Collectors.joining(" ")));
                next += size;
            }
            rows.add(row);
        }
        terminal.table(rows);
        List<Probe.Outcome> failures =
                outcomes.stream().filter(outcome -> !outcome.reached()).toList();
        failures.forEach(failure -> terminal.line("  " + terminal.no() + " " + failure));
        return failures.isEmpty();
    }

    private static List<Probe.Target> attempts(ClusterPod from, ClusterPod to) {
        List<Probe.Target> targets = new ArrayList<>();
        to.addresses().forEach(address -> targets.add(Probe.Target.tcp(from.namespace(), address, ClusterPod.PORT)));
        to.addresses().forEach(address -> targets.add(Probe.Target.icmp(from.namespace(), address)));
        return targets;
    }

    private boolean deletePods(Cluster cluster) {
        for (ClusterPod pod : cluster.pods()) {
            terminal.timed("DEL " + pod.name(), () -> {
                pod.delete();
                return pod;
            });
        }
        boolean nothingLeft = true;
        for (ClusterNode node : cluster.nodes()) {
            try {
                Await.until(
                        Duration.ofSeconds(2),
                        () -> node + " still has " + node.podLinks() + node.podRoutes(),
                        () -> node.podLinks().isEmpty() && node.podRoutes().isEmpty());
            } catch (CommandFailedException e) {
                terminal.line("  " + terminal.no() + " " + e.getMessage());
                nothingLeft = false;
            }
        }
        return nothingLeft;
    }

    private void stay(Cluster cluster) {
        cluster.keep();
        ClusterNode node = cluster.node(0);
        ClusterPod first = cluster.pods().getFirst();
        ClusterPod last = cluster.pods().getLast();
        terminal.heading("Everything is kept");
        terminal.line("  enter a node      nsenter --net=%s bash"
                .formatted(node.namespace().path()));
        terminal.line("  enter a pod       nsenter --net=%s bash"
                .formatted(first.namespace().path()));
        terminal.line("  try a connection  nsenter --net=%s ping -c 3 %s"
                .formatted(first.namespace().path(), last.addresses().getFirst()));
        terminal.line("  routes of Ikat    ip -n %s route show proto %d"
                .formatted(node.namespace().name(), ClusterNode.ROUTE_PROTOCOL));
        terminal.line("  log of an agent   less %s".formatted(node.log()));
        terminal.line("  remove it         ./dev demo --clean");
    }
}
