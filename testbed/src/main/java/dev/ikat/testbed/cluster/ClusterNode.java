package dev.ikat.testbed.cluster;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.RunOwner;
import dev.ikat.testbed.host.StaleResources;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** A node of a {@link Cluster}: a namespace on the underlay, directories of its own, an agent process and its pods. */
public final class ClusterNode implements AutoCloseable {
    /** The port of the agent's metrics and health, on the node's loopback interface and at its addresses. */
    public static final int LISTEN_PORT = 9474;

    /** The protocol number that marks Ikat's routes (rtnetlink(7), rtm_protocol). */
    public static final int ROUTE_PROTOCOL = 107;

    /** What the agent says of a backend that this host can't run, which no time changes. */
    private static final String REFUSED = "this host can't run this policy backend";

    private static final AtomicLong CONTAINERS = new AtomicLong();

    private final Cluster cluster;
    private final TestNamespace namespace;
    private final int number;
    private final int subnet;
    private final Path home;
    private final List<ClusterPod> pods = new CopyOnWriteArrayList<>();
    private int host;
    private List<Cidr> podCidrs;
    private Set<IpFamily> families = EnumSet.allOf(IpFamily.class);
    private Optional<RuntimeHost> runtimeHost = Optional.empty();
    private Optional<Process> agent = Optional.empty();

    ClusterNode(Cluster cluster, TestNamespace namespace, int number, int subnet) {
        this.cluster = cluster;
        this.namespace = namespace;
        this.number = number;
        this.subnet = subnet;
        this.host = 10 + number;
        this.podCidrs = List.of(
                Cidr.parse("10.244.%d.0/24".formatted(number)), Cidr.parse("fd00:10:244:%x::/64".formatted(number)));
        this.home = cluster.directory().directory(name());
    }

    /** Makes the directories, or the mounts of a runtime's host. */
    void prepare() {
        if (cluster.options().runtimeHosts()) {
            runtimeHost = Optional.of(
                    RuntimeHost.start(namespace, home, cluster.options().distribution()));
            recordProcess(runtimeHost.get().pid());
        } else {
            List.of(runDirectory(), confDirectory())
                    .forEach(path -> path.toFile().mkdirs());
        }
    }

    /** The node's name in the cluster. */
    public String name() {
        return "node-" + number;
    }

    /** The node's network namespace. */
    public TestNamespace namespace() {
        return namespace;
    }

    int host() {
        return host;
    }

    /** The host's own mounts and processes, if the cluster was created with them. */
    public Optional<RuntimeHost> runtimeHost() {
        return runtimeHost;
    }

    /** The InternalIPs: IPv4, then IPv6, as far as the node has addresses of these families. */
    public List<InterfaceAddress> internalIps() {
        return Stream.of(Underlay.v4(subnet, host), Underlay.v6(subnet, host))
                .filter(ip -> families.contains(ip.address().family()))
                .toList();
    }

    /** Gives the node addresses of these families alone on the underlay, in its manifest too. */
    public void setFamilies(IpFamily... wanted) {
        families = EnumSet.copyOf(List.of(wanted));
        cluster.underlay().setFamilies(namespace, subnet, host, families);
        cluster.publish(this);
    }

    /** The node's pod CIDRs: IPv4, then IPv6, unless it was given others. */
    public List<Cidr> podCidrs() {
        return podCidrs;
    }

    /** Gives the node other pod CIDRs, in its manifest too. */
    public void setPodCidrs(Cidr... blocks) {
        podCidrs = List.of(blocks);
        cluster.publish(this);
    }

    /** The Kubernetes manifest of this node. */
    public String manifest() {
        StringBuilder yaml = new StringBuilder();
        yaml.append("apiVersion: v1\nkind: Node\nmetadata:\n  name: %s\nspec:\n".formatted(name()));
        yaml.append("  podCIDR: %s\n  podCIDRs:\n".formatted(podCidrs().getFirst()));
        podCidrs().forEach(cidr -> yaml.append("    - \"%s\"\n".formatted(cidr)));
        yaml.append("status:\n  addresses:\n");
        internalIps().forEach(ip -> yaml.append("    - {type: InternalIP, address: \"%s\"}\n".formatted(ip.address())));
        return yaml.append("    - {type: Hostname, address: %s}\n".formatted(name()))
                .toString();
    }

    /** Changes the node's addresses on the underlay and in its manifest, as a new DHCP lease does. */
    public void renumber(int newHost) {
        int oldHost = host;
        host = newHost;
        cluster.underlay().renumber(namespace, subnet, oldHost, newHost);
        cluster.publish(this);
    }

    /** The directory that becomes IKAT_RUN_DIR, as processes of the node see it. */
    public Path runDirectory() {
        return runtimeHost.isPresent() ? Path.of("/run/ikat") : home.resolve("run");
    }

    /**
     * Removes a directory like {@code rm -rf}, and tries again if the agent creates something in it meanwhile: the
     * directory was gone at one moment.
     */
    public void removeTree(Path directory) {
        Await.until(
                Duration.ofSeconds(10),
                () -> directory + " can't be removed",
                () -> ProcessRunner.of("rm", "-rf", directory.toString()).run().exitCode() == 0);
    }

    /** The directory that survives reboots, as processes of the node see it. */
    public Path stateDirectory() {
        return runtimeHost.isPresent() ? Path.of("/var/lib/ikat") : home.resolve("state");
    }

    /** The directory for CNI network configurations, as processes of the node see it. */
    public Path confDirectory() {
        return runtimeHost.isPresent() ? Path.of("/etc/cni/net.d") : home.resolve("net.d");
    }

    /** The path of a file on this machine that has this path on the node. */
    public Path fromHere(Path onNode) {
        return runtimeHost
                .map(host -> host.root().resolve(Path.of("/").relativize(onNode)))
                .orElse(onNode);
    }

    /** The agent's log file. */
    public Path log() {
        return home.resolve("agent.log");
    }

    /** The command that runs {@code command} on the node. */
    public List<String> entering(List<String> command) {
        return runtimeHost.map(host -> host.entering(command)).orElseGet(() -> namespace.entering(command));
    }

    /** Runs one of the agent's commands on the node. */
    public ProcessResult agentCommand(String... words) {
        String program = cluster.options().distribution().agent().toString();
        return ProcessRunner.of(entering(
                        Stream.concat(Stream.of(program), Stream.of(words)).toList()))
                .run();
    }

    /** What {@code ikat-agent status} answers on the node. */
    public ProcessResult status(String... options) {
        List<String> words = new ArrayList<>(List.of("status", "--run-dir=" + runDirectory()));
        words.addAll(List.of(options));
        return agentCommand(words.toArray(String[]::new));
    }

    /** Runs {@code ikat-agent uninstall} on the node. */
    public ProcessResult uninstall(String... options) {
        List<String> words = new ArrayList<>(List.of("uninstall", "--run-dir=" + runDirectory()));
        words.add("--state-dir=" + stateDirectory());
        words.add("--cni-conf-dir=" + confDirectory());
        words.add("--host-root=" + hostRoot());
        words.addAll(List.of(options));
        return agentCommand(words.toArray(String[]::new));
    }

    /** Stands for the root directory of the host, since this machine's is not the node's. */
    public Path hostRoot() {
        return home.resolve("root");
    }

    /** Starts the agent with the cluster's options and these, and returns at once. */
    public void startAgent(String... moreArguments) {
        List<String> command = new ArrayList<>(List.of(
                cluster.options().distribution().agent().toString(),
                "--node-name=" + name(),
                "--run-dir=" + runDirectory(),
                "--state-dir=" + stateDirectory(),
                "--cni-conf-dir=" + confDirectory(),
                "--listen=node:" + LISTEN_PORT));
        command.addAll(cluster.options().agentArguments());
        command.addAll(List.of(moreArguments));
        if (command.stream().noneMatch(argument -> argument.startsWith("--kubeconfig"))) {
            command.add("--manifests=" + cluster.manifests());
        }
        // A session of its own: Ctrl-C is for this process, which then ends the agents in order.
        // And SIGHUP is for them, also where nohup has had this process ignore it, which is inherited.
        // And the sockets of this process and its children are all that the node has.
        List<String> session =
                new ArrayList<>(List.of("env", "--default-signal=HUP", OwnControlGroup.variable(), "setsid"));
        session.addAll(entering(command));
        Process process = ProcessRunner.of(session).startInBackground(log());
        recordProcess(process.pid());
        agent = Optional.of(process);
    }

    private void recordProcess(long pid) {
        RunOwner.startTime(pid).ifPresent(start -> {
            try {
                Files.writeString(
                        cluster.directory().path().resolve(StaleResources.PROCESS_LIST),
                        pid + " " + start + "\n",
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /**
     * Waits until the agent answers /readyz with 200 and its network configuration exists, which it may write a moment
     * later.
     *
     * @throws CommandFailedException if the agent ends or is not ready within the limit; the message has the end of its
     *     log
     */
    public void awaitReady(Duration limit) {
        Await.until(limit, () -> "the agent of %s is not ready: %s".formatted(name(), logTail()), this::agentIsReady);
    }

    private boolean agentIsReady() {
        if (!agentRuns()) {
            throw new CommandFailedException("the agent of %s has ended: %s".formatted(name(), logTail()));
        }
        return isReady() && Files.exists(conflist());
    }

    /**
     * Waits as {@link #awaitReady} does, for the first agent of the node; where the host can't run what it is to
     * enforce policies by, nobody needs to wait.
     */
    void awaitFirstReady(Duration limit) {
        Await.until(limit, () -> "the agent of %s is not ready: %s".formatted(name(), logTail()), () -> {
            refusal().ifPresent(line -> {
                throw new CommandFailedException("the agent of %s can't be ready: %s".formatted(name(), line));
            });
            return agentIsReady();
        });
    }

    /** What the agent logged of a backend that this host can't run. */
    private Optional<String> refusal() {
        return logLines().stream()
                .filter(line -> line.contains(REFUSED))
                .map(line -> line.replaceFirst(".*\\berror=\"?", "").replaceFirst("\"$", ""))
                .findFirst();
    }

    /** Whether the agent answers /readyz with 200 now. */
    public boolean isReady() {
        try {
            return !Probe.httpGet(namespace, LISTEN_PORT, "/readyz").isEmpty();
        } catch (CommandFailedException e) {
            return false;
        }
    }

    /** The agent's metrics, as Prometheus would read them. */
    public String metrics() {
        return Probe.httpGet(namespace, LISTEN_PORT, "/metrics");
    }

    /** The last lines that the agent logged. */
    public String logTail() {
        List<String> lines = logLines();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    }

    /** All lines that the agents of the node have logged. */
    public List<String> logLines() {
        try {
            return Files.exists(log()) ? Files.readAllLines(log()) : List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The agent's process. */
    public Process agent() {
        return agent.orElseThrow(() -> new IllegalStateException("the agent of " + name() + " was never started"));
    }

    /** Whether the agent was started and has not ended. */
    public boolean agentRuns() {
        return agent.isPresent() && agent.get().isAlive();
    }

    /** Stops the agent as systemd or the kubelet does (SIGTERM, then SIGKILL) and waits until it has ended. */
    public void stopAgent() {
        end(false);
    }

    /** Kills the agent as the kernel does when memory is short (SIGKILL) and waits until it has ended. */
    public void killAgent() {
        end(true);
    }

    private void end(boolean forcibly) {
        if (agent.isEmpty()) {
            return;
        }
        Process process = agent.get();
        try {
            if (!forcibly) {
                process.destroy();
            }
            if (forcibly || !process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private Path conflist() {
        return fromHere(confDirectory()).resolve("10-ikat.conflist");
    }

    /** The network that the agent has published for runtimes. */
    public CniNetwork network() {
        return new CniNetwork(
                CniNetwork.read(conflist()),
                List.of(cluster.options().distribution().cni(), Path.of("/usr/lib/cni")),
                entering(List.of()),
                Map.of("IKAT_RUN_DIR", runDirectory().toString()));
    }

    /** Creates a namespace and wires it by ADD through the real launcher. */
    public ClusterPod addPod(String podName) {
        return addPod(podName, new Json.Obj(Map.of()));
    }

    /** The same with {@code runtimeConfig}, which the runtime passes for capabilities. */
    public ClusterPod addPod(String podName, Json runtimeConfig) {
        return addPod("default", podName, runtimeConfig, TestNamespace.create());
    }

    /** The same in a Kubernetes namespace, and in a network namespace that the pod takes over. */
    public ClusterPod addPod(String kubernetesNamespace, String podName, Json runtimeConfig, TestNamespace pod) {
        try {
            CniNetwork.Sandbox sandbox =
                    sandbox(kubernetesNamespace, podName, pod.path()).withRuntimeConfig(runtimeConfig);
            ClusterPod added =
                    new ClusterPod(podName, this, pod, sandbox, network().add(sandbox));
            pods.add(added);
            return added;
        } catch (RuntimeException | Error e) {
            pod.close();
            throw e;
        }
    }

    /** A sandbox with a container ID of its own, in containerd's format (64 hexadecimal digits). */
    public static CniNetwork.Sandbox sandbox(String podName, Path netns) {
        return sandbox("default", podName, netns);
    }

    /** The same in a Kubernetes namespace. */
    public static CniNetwork.Sandbox sandbox(String kubernetesNamespace, String podName, Path netns) {
        String containerId = "%016x%048x"
                .formatted(ProcessHandle.current().pid() << 32 | CONTAINERS.incrementAndGet(), podName.hashCode());
        String arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + kubernetesNamespace + ";K8S_POD_NAME=" + podName;
        return new CniNetwork.Sandbox(containerId, Optional.of(netns), "eth0", arguments, new Json.Obj(Map.of()));
    }

    /** The pods added and not deleted. */
    public List<ClusterPod> pods() {
        return List.copyOf(pods);
    }

    void forget(ClusterPod pod) {
        pods.remove(pod);
    }

    /** The names of the links that lead to pods, sorted. */
    public List<String> podLinks() {
        return namespace.linkNames().stream()
                .filter(link -> link.matches("ik[0-9a-f]{11}"))
                .sorted()
                .toList();
    }

    /** The destinations of all routes that have Ikat's protocol number and lead to a pod of this node, sorted. */
    public List<String> podRoutes() {
        List<String> destinations = new ArrayList<>();
        for (IpFamily family : IpFamily.values()) {
            routes(family).stream()
                    .filter(route -> route.get("dev").text().matches("ik[0-9a-f]{11}"))
                    .forEach(route -> destinations.add(route.get("dst").text()));
        }
        return destinations.stream().sorted().toList();
    }

    /** All routes that have Ikat's protocol number, of every table. */
    public List<Json> routes(IpFamily family) {
        return namespace
                .ipJson(
                        family == IpFamily.IPV4 ? "-4" : "-6",
                        "route",
                        "show",
                        "table",
                        "all",
                        "proto",
                        Integer.toString(ROUTE_PROTOCOL))
                .elements();
    }

    /**
     * Everything in the node's namespace that a pod could leave behind: links, addresses, routes, rules and permanent
     * neighbours of both families, FDB entries, and the nftables ruleset without its counters. One line each, sorted,
     * without the numbers that the kernel assigns or counts itself.
     */
    public List<String> state() {
        List<String> lines = new ArrayList<>();
        namespace.linkNames().forEach(link -> lines.add("link " + link));
        for (String family : List.of("-4", "-6")) {
            add(lines, "address", "ip", "-oneline", family, "address", "show", "permanent");
            add(lines, "route", "ip", family, "route", "show", "table", "all");
            add(lines, "rule", "ip", family, "rule", "show");
            add(lines, "neighbour", "ip", family, "neighbour", "show", "nud", "permanent");
        }
        add(lines, "fdb", "bridge", "fdb", "show");
        add(lines, "nft", "nft", "--stateless", "list", "ruleset");
        return lines.stream().sorted().toList();
    }

    private void add(List<String> lines, String what, String... command) {
        namespace
                .exec(command)
                .lines()
                .map(line -> line.replaceFirst("^[0-9]+: ", "")
                        .replaceFirst(" # progname .*", "")
                        .strip())
                // Which process a table belongs to is no difference.
                .filter(line -> !line.isEmpty() && !line.startsWith("flags owner") && !line.equals("flags"))
                .forEach(line -> lines.add(what + " " + line));
    }

    /** The process of the node's BIRD, which outlives the agent; empty if there is none. */
    public Optional<ProcessHandle> bird() {
        Path file = fromHere(runDirectory()).resolve("bgp/bird.pid");
        try {
            return Files.exists(file)
                    ? ProcessHandle.of(Long.parseLong(Files.readString(file).strip()))
                    : Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        stopAgent();
        bird().ifPresent(ProcessHandle::destroyForcibly);
        pods.forEach(ClusterPod::close);
        runtimeHost.ifPresent(RuntimeHost::close);
        namespace.close();
    }

    @Override
    public String toString() {
        return name();
    }
}
