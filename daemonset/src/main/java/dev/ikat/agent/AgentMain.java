package dev.ikat.agent;

import dev.ikat.agent.cluster.ApiAddress;
import dev.ikat.agent.overlay.ChecksumOffload;
import dev.ikat.agent.overlay.OverlayMode;
import dev.ikat.agent.overlay.OverlaySettings;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.server.AgentRunningException;
import dev.ikat.model.InterfaceName;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import jnr.constants.platform.Signal;
import jnr.posix.POSIXFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The agent's command line. Everything that is wrong with it is said at once; the exit code is then 2, and 1 if the
 * agent could not start.
 */
@Command(
        name = "ikat-agent",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        version = "ikat-agent 0.1.0",
        subcommands = {StatusCommand.class, InstallCommand.class, UninstallCommand.class},
        description =
                "Runs Ikat on this node: answers the CNI launcher, and keeps routes, tunnels, masquerading"
                        + " and network policy equal to what the cluster says. Needs root. Ends on SIGTERM, after what it has begun.",
        footer = {
            "",
            "Durations are a number with ms, s or m (250ms, 30s), or ISO 8601 (PT30S).",
            "Pods keep working while the agent is stopped; new ones wait for it.",
            "@FILE stands for the options in that file, one a line. On SIGHUP it is read again, and"
                    + " --policy-backend, if it is another there, changes without a packet's notice."
        })
public final class AgentMain implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(AgentMain.class);
    private static final int MAX_VNI = (1 << 24) - 1;

    /** The command line, its files not yet read. */
    private static volatile List<String> given = List.of();

    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--node-name",
            paramLabel = "NAME",
            description = "This node's name in the cluster. Default: the NODE_NAME variable.",
            defaultValue = "${env:NODE_NAME}")
    @Nullable
    String nodeName;

    @Option(
            names = "--manifests",
            paramLabel = "DIR",
            description = "Directory of Kubernetes manifests (Node, Pod, Namespace, NetworkPolicy) that say what the"
                    + " cluster is; changes are followed.")
    @Nullable
    Path manifests;

    @Option(
            names = "--kubeconfig",
            paramLabel = "FILE|in-cluster",
            description =
                    "Instead of manifests: ask the Kubernetes API, as this file says, or as a pod's service account"
                            + " may.")
    @Nullable
    String kubeconfig;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description = "Socket, lock and leases; must not survive a reboot. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_RUN_DIR:-/run/ikat}")
    Path runDirectory = Path.of("/run/ikat");

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            description = "With --kubeconfig: keeps what the cluster was, for a start while the API does not answer;"
                    + " should survive a reboot. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_STATE_DIR:-/var/lib/ikat}")
    Path stateDirectory = Path.of("/var/lib/ikat");

    @Option(
            names = "--cni-conf-dir",
            paramLabel = "DIR",
            description = "Where the container runtime looks for network configurations. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/etc/cni/net.d")
    Path conflistDirectory = Path.of("/etc/cni/net.d");

    @Option(
            names = "--conflist-name",
            paramLabel = "FILE",
            description = "The network configuration's name there, written once the node is ready. Default:"
                    + " ${DEFAULT-VALUE}.",
            defaultValue = "10-ikat.conflist")
    String conflistName = "10-ikat.conflist";

    @Option(
            names = "--chain",
            paramLabel = "TYPE",
            split = ",",
            description = "CNI plugins to run after Ikat, such as portmap,bandwidth. Default: none.")
    List<String> chain = List.of();

    @Option(
            names = "--overlay",
            paramLabel = "MODE",
            description = "How other nodes' pods are reached: vxlan (tunnel), direct (routes, all nodes on one link),"
                    + " auto (direct where possible, else tunnel), none. Default: ${DEFAULT-VALUE}.",
            defaultValue = "vxlan")
    String overlay = "vxlan";

    @Option(
            names = "--uplink",
            paramLabel = "IFNAME",
            description = "Interface to the other nodes. Default: the one with the node's InternalIP.")
    @Nullable
    String uplink;

    @Option(
            names = "--vni",
            paramLabel = "NUMBER",
            description = "VXLAN network identifier, the same on all nodes. Default: ${DEFAULT-VALUE}.",
            defaultValue = "4796")
    int vni = 4796;

    @Option(
            names = "--vxlan-port",
            paramLabel = "PORT",
            description = "VXLAN's UDP port, the same on all nodes. Default: ${DEFAULT-VALUE}.",
            defaultValue = "8472")
    int vxlanPort = 8472;

    @Option(
            names = "--vxlan-checksum-offload",
            paramLabel = "auto|on|off",
            description = "Leave checksums of tunnelled packets to the network card. off is several times slower, but"
                    + " right where a card or hypervisor spoils them; auto is on from Linux 5.7. Default:"
                    + " ${DEFAULT-VALUE}.",
            defaultValue = "auto")
    String vxlanChecksumOffload = "auto";

    @Option(
            names = "--mtu",
            paramLabel = "BYTES",
            description = "The pods' MTU; 0 follows the uplink's. Default: ${DEFAULT-VALUE}.",
            defaultValue = "0")
    int mtu;

    @Option(
            names = "--masquerade",
            paramLabel = "true|false",
            arity = "1",
            description = "Hide pod addresses from everything outside the cluster. Default: ${DEFAULT-VALUE}.",
            defaultValue = "true")
    boolean masquerade = true;

    @Option(
            names = "--listen",
            paramLabel = "ADDRESS:PORT",
            description = "Where /metrics, /healthz and /readyz are served; 0 for nowhere. Default: ${DEFAULT-VALUE}.",
            defaultValue = "127.0.0.1:9474")
    String listen = "127.0.0.1:9474";

    @Option(
            names = "--reconcile-interval",
            paramLabel = "DURATION",
            description = "Compare everything with the kernel this often, besides on each notification. Default:"
                    + " ${DEFAULT-VALUE}.",
            defaultValue = "30s")
    String reconcileInterval = "30s";

    @Option(
            names = "--lease-grace",
            paramLabel = "DURATION",
            description = "A lease without its link counts as leaked after this. Default: ${DEFAULT-VALUE}.",
            defaultValue = "60s")
    String leaseGrace = "60s";

    @Option(
            names = "--request-threads",
            paramLabel = "NUMBER",
            description = "CNI requests handled at once. Default: ${DEFAULT-VALUE}.",
            defaultValue = "16")
    int requestThreads = 16;

    @Option(names = "--kill-at", paramLabel = "VERB:STEP", hidden = true)
    @Nullable
    String killAt;

    @Mixin
    PolicyCommandLine policy = new PolicyCommandLine();

    private final OptionReader reader = new OptionReader();

    /** Runs the agent until it is told to end. */
    public static void main(String[] arguments) {
        Thread.setDefaultUncaughtExceptionHandler(AgentMain::threadDied);
        given = List.of(arguments);
        System.exit(new CommandLine(new AgentMain()).execute(arguments));
    }

    /** One failed request costs just itself; what is worse ends the agent, for whoever watches over it to restart. */
    private static void threadDied(Thread thread, Throwable cause) {
        LOG.error("event=thread-failed thread={} error=\"{}\"", thread.getName(), cause.toString(), cause);
        if (cause instanceof Error) {
            System.exit(1);
        }
    }

    @Override
    public Integer call() throws InterruptedException {
        AgentOptions options = options();
        Agent agent;
        try {
            agent = Agent.start(options);
        } catch (AgentRunningException e) {
            LOG.error("event=start-failed error=\"{}\"", e.getMessage());
            return 1;
        } catch (RuntimeException e) {
            LOG.error("event=start-failed error=\"{}\"", e.getMessage(), e);
            return 1;
        }
        onHangup(agent);
        CountDownLatch stopped = new CountDownLatch(1);
        // SIGTERM and SIGINT run the hook; the process ends when it returns.
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> {
            agent.close();
            stopped.countDown();
        }));
        stopped.await();
        return 0;
    }

    /** SIGHUP reads the command line again, with the files that it names. */
    private void onHangup(Agent agent) {
        POSIXFactory.getJavaPOSIX().signal(Signal.SIGHUP, _ -> {
            try {
                AgentMain again = new AgentMain();
                new CommandLine(again).parseArgs(given.toArray(String[]::new));
                agent.reload(again.options());
            } catch (ParameterException e) {
                LOG.error(
                        "event=reload-failed error=\"{}\"",
                        String.valueOf(e.getMessage()).replace('\n', ';'));
            }
        });
    }

    /**
     * Checks everything.
     *
     * @throws ParameterException that names every fault
     */
    AgentOptions options() {
        String node = nodeName == null ? "" : nodeName.strip();
        if (node.isEmpty()) {
            reader.fault("--node-name is missing, and so is the NODE_NAME variable");
        }
        ClusterOrigin cluster = cluster();
        if (conflistName.contains("/") || !conflistName.endsWith(".conflist")) {
            reader.fault("--conflist-name: '" + conflistName + "' is not a file name that ends in .conflist");
        }
        for (String type : chain) {
            if (!type.matches("[a-zA-Z0-9][a-zA-Z0-9_.-]*") || type.equals("ikat")) {
                reader.fault("--chain: '" + type + "' is no plugin that can follow Ikat");
            }
        }
        reader.range("--vni", vni, 0, MAX_VNI);
        reader.range("--vxlan-port", vxlanPort, 1, 65535);
        reader.range("--request-threads", requestThreads, 1, 256);
        if (mtu != 0) {
            reader.range("--mtu", mtu, 576, 65535);
        }
        ChecksumOffload offload = reader.parse(
                "--vxlan-checksum-offload",
                vxlanChecksumOffload,
                ChecksumOffload.AUTO,
                text -> ChecksumOffload.valueOf(text.toUpperCase(Locale.ROOT)),
                "is not auto, on or off");
        OverlaySettings settings = new OverlaySettings(
                reader.parse(
                        "--overlay",
                        overlay,
                        OverlayMode.NONE,
                        text -> OverlayMode.valueOf(text.toUpperCase(Locale.ROOT)),
                        "is not vxlan, direct, auto or none"),
                vni,
                vxlanPort,
                mtu,
                offload.on(System.getProperty("os.version", "")) == ChecksumOffload.ON);
        Optional<InterfaceName> uplinkName = uplink == null
                ? Optional.empty()
                : reader.parse(
                        "--uplink",
                        uplink,
                        Optional.<InterfaceName>empty(),
                        t -> Optional.of(new InterfaceName(t)),
                        "");
        Optional<InetSocketAddress> address = listen.equals("0")
                ? Optional.empty()
                : reader.parse(
                        "--listen", listen, Optional.<InetSocketAddress>empty(), OptionReader::socketAddress, "");
        Duration interval = reader.parse(
                "--reconcile-interval",
                reconcileInterval,
                Duration.ZERO,
                OptionReader::duration,
                "is no duration, as 30s");
        Duration grace = reader.parse(
                "--lease-grace", leaseGrace, Duration.ZERO, OptionReader::duration, "is no duration, as 60s");
        Optional<FaultPoint> fault = killAt == null
                ? Optional.empty()
                : reader.parse(
                        "--kill-at", killAt, Optional.<FaultPoint>empty(), t -> Optional.of(FaultPoint.parse(t)), "");
        PolicySettings policySettings = policy.read(reader);
        if (!reader.faults().isEmpty()) {
            CommandLine commandLine = spec == null ? new CommandLine(new AgentMain()) : spec.commandLine();
            throw new ParameterException(commandLine, String.join(System.lineSeparator(), reader.faults()));
        }
        return new AgentOptions(
                node,
                cluster,
                runDirectory.toAbsolutePath(),
                stateDirectory.toAbsolutePath(),
                conflistDirectory.toAbsolutePath(),
                conflistName,
                List.copyOf(chain),
                settings,
                uplinkName,
                masquerade,
                policySettings,
                address,
                interval,
                grace,
                requestThreads,
                fault);
    }

    private ClusterOrigin cluster() {
        if (manifests == null && kubeconfig == null) {
            reader.fault("--manifests or --kubeconfig is missing");
        } else if (manifests != null && kubeconfig != null) {
            reader.fault("--manifests and --kubeconfig exclude each other");
        }
        if (kubeconfig != null) {
            ApiAddress address = ApiAddress.parse(kubeconfig);
            if (address instanceof ApiAddress.Kubeconfig(Path file) && !Files.isRegularFile(file)) {
                reader.fault("--kubeconfig: there is no file " + file);
            }
            return new ClusterOrigin.Api(address);
        }
        Path directory = manifests == null ? Path.of("") : manifests;
        if (manifests != null && !Files.isDirectory(directory)) {
            reader.fault("--manifests: " + directory + " is no directory");
        }
        return new ClusterOrigin.Manifests(directory);
    }
}
