package dev.ikat.agent;

import dev.ikat.agent.config.Listen;
import dev.ikat.agent.config.LogSettings;
import dev.ikat.agent.observe.BuildInfo;
import dev.ikat.agent.observe.HealthEndpoint;
import dev.ikat.agent.observe.MetricsPage;
import dev.ikat.controller.Controller;
import dev.ikat.controller.ControllerOptions;
import dev.ikat.controller.allocation.Rules;
import dev.ikat.kubernetes.ApiAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The controller's command line: a second program of the agent's image, which needs neither a node nor root. The exit
 * code is 1 if it could not start or has lost the lease, and 2 if something is wrong with its options.
 */
@Command(
        name = "ikat-controller",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        version = "ikat-controller " + BuildInfo.VERSION,
        description = "Gives services of type LoadBalancer addresses of AddressPools. Of several replicas, the one that"
                + " holds the lease does so; the others wait for it. On SIGTERM it gives the lease back, then"
                + " ends.",
        footer = {
            "",
            "Each option can be given as an environment variable, too: IKAT_CONTROLLER_LEASE_NAME for --lease-name.",
            "Durations are in ISO 8601 (PT5M)."
        })
public final class ControllerMain implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(ControllerMain.class);

    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--kubeconfig",
            paramLabel = "FILE|in-cluster",
            defaultValue = "${env:IKAT_CONTROLLER_KUBECONFIG:-in-cluster}",
            description = "How the API is reached: with this kubeconfig file, or with the pod's service account. "
                    + "Default: in-cluster.")
    String kubeconfig = ApiAddress.IN_CLUSTER;

    @Option(
            names = "--load-balancer-class",
            paramLabel = "NAME",
            defaultValue = "${env:IKAT_CONTROLLER_LOAD_BALANCER_CLASS:-ikat.dev/lb}",
            description = "Give addresses to services whose spec.loadBalancerClass is this one. Default: ikat.dev/lb.")
    String loadBalancerClass = "ikat.dev/lb";

    @Option(
            names = "--without-class",
            paramLabel = "true|false",
            arity = "1",
            defaultValue = "${env:IKAT_CONTROLLER_WITHOUT_CLASS:-false}",
            description = "Give addresses to services that name no class, too; only where no other load balancer does. "
                    + "Default: false.")
    boolean withoutClass;

    @Option(
            names = "--cool-down",
            paramLabel = "DURATION",
            defaultValue = "${env:IKAT_CONTROLLER_COOL_DOWN:-PT5M}",
            description = "How long after an address was freed others are preferred to it. Default: PT5M.")
    Duration coolDown = Duration.ofMinutes(5);

    @Option(
            names = "--lease-namespace",
            paramLabel = "NAMESPACE",
            defaultValue = "${env:IKAT_CONTROLLER_LEASE_NAMESPACE:-kube-system}",
            description = "Namespace of the lease that the replicas hold in turn. Default: kube-system.")
    String leaseNamespace = "kube-system";

    @Option(
            names = "--lease-name",
            paramLabel = "NAME",
            defaultValue = "${env:IKAT_CONTROLLER_LEASE_NAME:-ikat-controller}",
            description = "Name of that lease. Default: ikat-controller.")
    String leaseName = "ikat-controller";

    @Option(
            names = "--identity",
            paramLabel = "NAME",
            defaultValue = "${env:IKAT_CONTROLLER_IDENTITY:-${env:HOSTNAME:-}}",
            description = "Name of this replica in the lease, which no other has. Default: the host's name.")
    String identity = "";

    @Option(
            names = "--listen",
            paramLabel = "ADDRESS:PORT",
            defaultValue = "${env:IKAT_CONTROLLER_LISTEN:-0.0.0.0:9475}",
            description = "Address and port of /metrics, /healthz and /readyz; 0 to serve them nowhere. Default: "
                    + "0.0.0.0:9475.")
    String listen = "0.0.0.0:9475";

    @Option(
            names = "--log-format",
            paramLabel = "text|json",
            defaultValue = "${env:IKAT_CONTROLLER_LOG_FORMAT:-text}",
            description = "Format of log events, as the agent has it. Default: text.")
    LogSettings.Format logFormat = LogSettings.Format.TEXT;

    @Option(
            names = "--log-level",
            paramLabel = "trace|debug|info|warn|error",
            defaultValue = "${env:IKAT_CONTROLLER_LOG_LEVEL:-info}",
            description = "The least severe level of events that are logged. Default: info.")
    Level logLevel = Level.INFO;

    /** Runs the controller until it is told to end. */
    public static void main(String[] arguments) {
        Thread.setDefaultUncaughtExceptionHandler(AgentMain::threadDied);
        System.exit(commandLine().execute(arguments));
    }

    /** The command line. */
    static CommandLine commandLine() {
        return AgentMain.terminals(new CommandLine(new ControllerMain()))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .registerConverter(Level.class, text -> Level.valueOf(text.toUpperCase(Locale.ROOT)));
    }

    @Override
    public Integer call() throws InterruptedException {
        if (spec == null) {
            throw new IllegalStateException("only picocli may call this");
        }
        CommandLine commandLine = spec.commandLine();
        Optional<InetSocketAddress> address;
        try {
            address = Listen.address(listen);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(
                    commandLine,
                    "Invalid value for option '--listen': '" + listen
                            + "' has to be ADDRESS:PORT, as in 0.0.0.0:9475, or 0",
                    e);
        }
        if (identity.isBlank()) {
            // To the lease it would be nobody.
            throw new ParameterException(commandLine, "Missing --identity: the variable HOSTNAME is not set either");
        }
        new LogSettings(logFormat, logLevel).apply();
        LOG.atInfo()
                .addKeyValue("version", BuildInfo.VERSION)
                .addKeyValue("java", BuildInfo.java())
                .addKeyValue("identity", identity)
                .addKeyValue("pid", ProcessHandle.current().pid())
                .log("starting");
        try {
            return run(address);
        } catch (RuntimeException e) {
            AgentMain.startFailed(e);
            return 1;
        }
    }

    private int run(Optional<InetSocketAddress> address) throws InterruptedException {
        MetricsPage metrics = new MetricsPage();
        CountDownLatch lost = new CountDownLatch(1);
        CompletableFuture<Controller> started = new CompletableFuture<>();
        Optional<HealthEndpoint> health = address.map(at -> HealthEndpoint.start(at, metrics, () -> notReady(started)));
        Controller controller = Controller.start(
                new ControllerOptions(
                        ApiAddress.parse(kubeconfig),
                        new Rules(loadBalancerClass, withoutClass, coolDown),
                        leaseNamespace,
                        leaseName,
                        identity),
                metrics.registry(),
                lost::countDown);
        started.complete(controller);
        // SIGTERM and SIGINT run the hook; the process ends when it returns.
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> {
            controller.close();
            health.ifPresent(HealthEndpoint::close);
        }));
        lost.await();
        return 1;
    }

    private static List<String> notReady(CompletableFuture<Controller> started) {
        return started.isDone() ? started.join().notReady() : List.of("controller: starting");
    }
}
