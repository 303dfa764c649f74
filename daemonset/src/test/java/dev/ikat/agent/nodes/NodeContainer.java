package dev.ikat.agent.nodes;

import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.model.HostConfig;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.testcontainers.containers.Container;
import org.testcontainers.containers.ExecConfig;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;

/**
 * A node: a container of the image, with its own addresses in the engine's network, its own files for those of a host,
 * and what the manifest gives the agent. Its first process stands for the kubelet in one thing only: it starts the
 * agent again whenever that ends.
 */
final class NodeContainer implements AutoCloseable {
    private static final Duration READY_LIMIT = Duration.ofSeconds(60);
    private static final String SUPERVISE = "while :; do ikat-agent \"$@\" & wait; done";
    private static final String PLUGIN_DIRECTORY = "/opt/cni/bin";
    private static final String CONFLIST = "/etc/cni/net.d/10-ikat.conflist";
    /** A new network namespace of docker's has IPv6 off but where docker itself gives an address. */
    private static final Map<String, String> LIKE_A_HOST =
            Map.of("net.ipv6.conf.all.disable_ipv6", "0", "net.ipv6.conf.default.disable_ipv6", "0");

    private final NodeCluster cluster;
    private final int number;
    private final Path home;
    private final GenericContainer<?> container;
    private Optional<TestNamespace> namespace = Optional.empty();

    NodeContainer(NodeCluster cluster, int number) {
        this.cluster = cluster;
        this.number = number;
        this.home = cluster.engine().directory(name());
        this.container =
                container("agent").withNetwork(cluster.network()).withCreateContainerCmdModifier(this::becomeANode);
    }

    /** One of the image, as the manifest has the container with this name. */
    private GenericContainer<?> container(String manifestName) {
        AgentManifest manifest = cluster.manifest();
        return new GenericContainer<>(NodeImage.NAME)
                .withImagePullPolicy(_ -> false)
                .withEnv(manifest.environment(manifestName, name()))
                .withCommand(manifest.arguments(manifestName).toArray(String[]::new))
                .withCreateContainerCmdModifier(command -> manifest.grant(hostConfig(command), manifestName, home));
    }

    private void becomeANode(CreateContainerCmd command) {
        hostConfig(command).withSysctls(LIKE_A_HOST);
        command.withHostName(name())
                .withEntrypoint("/bin/sh", "-c", SUPERVISE, "node")
                .withIpv4Address(addresses().getFirst().toString())
                .withIpv6Address(addresses().getLast().toString());
    }

    private static HostConfig hostConfig(CreateContainerCmd command) {
        return Objects.requireNonNull(command.getHostConfig());
    }

    String name() {
        return cluster.api().runName() + "-" + number;
    }

    /** The InternalIPs: IPv4, then IPv6. */
    List<IpAddress> addresses() {
        return NodeCluster.hostAddresses(10 + number);
    }

    /** The blocks that its pods get addresses of: IPv4, then IPv6. */
    List<Cidr> podCidrs() {
        return List.of(
                Cidr.parse("10.199.%d.0/24".formatted(number)), Cidr.parse("fd00:10:199:%x::/64".formatted(number)));
    }

    /** Installs the plugin, then starts the agent; returns when it is ready. */
    void start() {
        write("/etc/ikat/config.yaml", cluster.manifest().settings("/etc/ikat/kubeconfig"));
        write("/etc/ikat/kubeconfig", cluster.kubeconfig());
        GenericContainer<?> install = container("install")
                .withNetworkMode("none")
                .withStartupCheckStrategy(new OneShotStartupCheckStrategy().withTimeout(READY_LIMIT));
        try (install) {
            install.start();
        }
        container.start();
        namespace = Optional.of(TestNamespace.of(supervisor()));
        awaitReady();
    }

    private void write(String path, String text) {
        try {
            Path file = AgentManifest.file(home, path);
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ProcessHandle supervisor() {
        InspectContainerResponse.ContainerState state =
                container.getCurrentContainerInfo().getState();
        return cluster.engine().process(Objects.requireNonNull(state.getPidLong(), "it runs"));
    }

    /** Waits until the agent says that it is ready, and runtimes have its network. */
    void awaitReady() {
        Await.until(READY_LIMIT, () -> "the agent of %s is not ready: %s".formatted(this, log()), () -> {
            if (!container.isRunning()) {
                throw new CommandFailedException("%s has ended: %s".formatted(this, log()));
            }
            return isReady() && Files.exists(AgentManifest.file(home, CONFLIST));
        });
    }

    private boolean isReady() {
        try {
            return !Probe.httpGet(namespace(), ClusterNode.LISTEN_PORT, "/readyz")
                    .isEmpty();
        } catch (CommandFailedException e) {
            return false;
        }
    }

    /** The network namespace of the node. */
    TestNamespace namespace() {
        return namespace.orElseThrow(() -> new IllegalStateException(this + " was never started"));
    }

    /** Kills the agent; returns when its successor runs, which takes longer to be ready. */
    void killAgent() {
        ProcessHandle agent = agent().orElseThrow();
        agent.destroyForcibly();
        Await.until(READY_LIMIT, () -> "no agent follows on " + this, () -> {
            Optional<ProcessHandle> now = agent();
            return now.isPresent() && !now.get().equals(agent);
        });
    }

    private Optional<ProcessHandle> agent() {
        return supervisor().children().findFirst();
    }

    /** What the agents of this node have said last. */
    String log() {
        List<String> lines = container.getLogs().lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    }

    /** Has the plugin wire a pod, as a runtime on the node does. */
    Json add(CniNetwork.Sandbox sandbox) {
        return Json.parse(execute("ADD", sandbox).stdout());
    }

    /** The same by a runtime outside the container, which sees other files and processes than the agent does. */
    Json addFromOutside(CniNetwork.Sandbox sandbox) {
        return new CniNetwork(
                        CniNetwork.read(AgentManifest.file(home, CONFLIST)),
                        List.of(AgentManifest.file(home, PLUGIN_DIRECTORY)),
                        List.of(),
                        Map.of(
                                "IKAT_RUN_DIR",
                                AgentManifest.file(home, "/run/ikat").toString()))
                .add(sandbox);
    }

    /** Has the plugin take a pod's wiring away. */
    void delete(CniNetwork.Sandbox sandbox) {
        execute("DEL", sandbox);
    }

    private ProcessResult execute(String verb, CniNetwork.Sandbox sandbox) {
        CniNetwork network = new CniNetwork(
                CniNetwork.read(AgentManifest.file(home, CONFLIST)),
                List.of(Path.of(PLUGIN_DIRECTORY)),
                List.of(),
                Map.of());
        Json plugin = network.first();
        Map<String, String> variables = network.environment(verb, CniNetwork.variables(sandbox));
        // An engine's exec has no input of its own.
        List<String> command = List.of(
                "sh",
                "-c",
                "printf %s \"$1\" | " + PLUGIN_DIRECTORY + "/"
                        + plugin.get("type").text(),
                "runtime",
                network.input(plugin, Optional.empty()).render());
        long start = System.nanoTime();
        try {
            Container.ExecResult result = container.execInContainer(ExecConfig.builder()
                    .envVars(variables)
                    .command(command.toArray(String[]::new))
                    .build());
            ProcessResult ended = new ProcessResult(
                    command,
                    result.getExitCode(),
                    result.getStdout(),
                    result.getStderr(),
                    Duration.ofNanos(System.nanoTime() - start));
            if (!ended.succeeded()) {
                throw new CniFailedException(verb, plugin.get("type").text(), ended);
            }
            return ended;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailedException("interrupted during " + verb);
        }
    }

    /** What this node's kernel knows of how to get to others: routes, neighbours and forwarding entries, one a line. */
    String ways() {
        return Stream.of(
                        "ip route show proto " + ClusterNode.ROUTE_PROTOCOL,
                        "ip -6 route show proto " + ClusterNode.ROUTE_PROTOCOL,
                        "ip neighbour show nud permanent",
                        "ip -6 neighbour show nud permanent",
                        "bridge fdb show dev ikat-vxlan")
                .map(command -> namespace().exec(command.split(" ", -1)))
                .collect(Collectors.joining());
    }

    /** The node's end, as when its power fails. */
    @Override
    public void close() {
        container.stop();
        namespace.ifPresent(TestNamespace::close);
    }

    @Override
    public String toString() {
        return name();
    }
}
