package dev.ikat.agent;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.AgentOptionsReader;
import dev.ikat.agent.config.Configuration;
import dev.ikat.agent.config.InvalidConfigurationException;
import dev.ikat.agent.config.Setting;
import dev.ikat.agent.log.PrintableWriter;
import dev.ikat.agent.observe.BuildInfo;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import jnr.constants.platform.Signal;
import jnr.posix.POSIXFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/**
 * The agent's command line. Everything that is wrong with it is said at once; the exit code is then 2, and 1 if the
 * agent could not start.
 */
@Command(
        name = "ikat-agent",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        version = "ikat-agent " + BuildInfo.VERSION,
        subcommands = {StatusCommand.class, InstallCommand.class, UninstallCommand.class, MigrateCommand.class},
        description = "Runs Ikat on this node: answers the CNI launcher, and keeps routes, tunnels, masquerade and "
                + "network policies up to date with the cluster. Needs root. On SIGTERM it completes what it has "
                + "begun, then ends.",
        footer = {
            "",
            "Each setting can be given as an option (--vxlan-port=8472), as an environment variable "
                    + "(IKAT_VXLAN_PORT=8472), or in the file of --config (vxlan-port: 8472). Precedence: command "
                    + "line, environment, file.",
            "Durations are numbers with the unit ms, s or m (250ms, 30s), or in ISO 8601 (PT30S).",
            "Pods keep their network while the agent is stopped; new pods wait for it.",
            "On SIGHUP the agent reads the file again. If policy-backend has changed there, it changes the backend "
                    + "without interrupting traffic. @FILE stands for the options in that file, one on each line; "
                    + "it is read again, too."
        })
public final class AgentMain implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(AgentMain.class);

    /** The command line, its files not yet read. */
    private static volatile List<String> given = List.of();

    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "Also read settings from this YAML file. The environment variable IKAT_CONFIG can name "
                    + "it, too.")
    @Nullable
    Path config;

    @Option(names = "--check", description = "Only check whether all settings are valid; if not, the exit code is 2.")
    boolean check;

    @Option(
            names = "--print-config",
            description = "Only print all settings in the form of such a file, each with the place that it comes from.")
    boolean print;

    /** Runs the agent until it is told to end. */
    public static void main(String[] arguments) {
        Thread.setDefaultUncaughtExceptionHandler(AgentMain::threadDied);
        given = List.of(arguments);
        System.exit(commandLine().execute(arguments));
    }

    /** One failed request costs just itself; what is worse ends the agent, for whoever watches over it to restart. */
    static void threadDied(Thread thread, Throwable cause) {
        LOG.atError()
                .addKeyValue("thread", thread.getName())
                .addKeyValue("error", cause.toString())
                .setCause(cause)
                .log("thread-failed");
        if (cause instanceof Error) {
            System.exit(1);
        }
    }

    /** The command line, with an option for each setting. */
    public static CommandLine commandLine() {
        CommandLine commandLine = new CommandLine(new AgentMain());
        for (Setting setting : Setting.values()) {
            commandLine.getCommandSpec().addOption(setting.optionSpec());
        }
        return terminals(commandLine);
    }

    /**
     * The same command line: names and messages of others must not reach the terminal as they are; and so no colours of
     * our own do.
     */
    static CommandLine terminals(CommandLine commandLine) {
        return CommandErrors.inOneLine(commandLine)
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                .setOut(terminal(System.out))
                .setErr(terminal(System.err));
    }

    private static PrintWriter terminal(PrintStream stream) {
        return new PrintWriter(new PrintableWriter(new OutputStreamWriter(stream, stream.charset())), true);
    }

    /** The configuration from these arguments, these environment variables, and the file that one of them names. */
    public static Configuration configuration(ParseResult arguments, Map<String, String> environment) {
        Map<Setting, String> given = new EnumMap<>(Setting.class);
        for (Setting setting : Setting.values()) {
            String text = arguments.matchedOptionValue(setting.option(), null);
            if (text != null) {
                given.put(setting, text);
            }
        }
        String named = environment.getOrDefault("IKAT_CONFIG", "");
        Path file = arguments.matchedOptionValue("--config", named.isBlank() ? null : Path.of(named));
        return Configuration.of(given, environment, Optional.ofNullable(file));
    }

    @Override
    public Integer call() throws InterruptedException {
        if (spec == null) {
            throw new IllegalStateException("only picocli may call this");
        }
        CommandLine commandLine = spec.commandLine();
        Configuration configuration = configuration(commandLine.getParseResult(), System.getenv());
        AgentOptions options;
        try {
            options = AgentOptionsReader.read(configuration);
        } catch (InvalidConfigurationException e) {
            e.faults().forEach(commandLine.getErr()::println);
            commandLine.getErr().println("ikat-agent: nothing was started; 'ikat-agent --help' describes the settings");
            return commandLine.getCommandSpec().exitCodeOnInvalidInput();
        }
        if (print) {
            commandLine.getOut().print(configuration.toYaml());
            commandLine.getOut().flush();
        }
        if (check) {
            commandLine.getOut().println("ikat-agent: all settings are valid");
        }
        if (check || print) {
            return 0;
        }
        if (!CommandErrors.isRoot()) {
            commandLine
                    .getErr()
                    .println("ikat-agent: it changes the kernel's network, which needs root: start it by sudo, or as a "
                            + "service of root's; --check and --print-config need no root");
            return 1;
        }
        return run(options);
    }

    private static int run(AgentOptions options) throws InterruptedException {
        options.log().apply();
        CompletableFuture<Agent> started = new CompletableFuture<>();
        // Before the agent starts: a signal that nobody handles would end it.
        onHangup(started);
        Agent agent;
        try {
            agent = Agent.start(options);
        } catch (RuntimeException e) {
            startFailed(e);
            return 1;
        }
        started.complete(agent);
        CountDownLatch stopped = new CountDownLatch(1);
        // SIGTERM and SIGINT run the hook; the process ends when it returns.
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> {
            agent.close();
            stopped.countDown();
        }));
        stopped.await();
        return 0;
    }

    static void startFailed(RuntimeException e) {
        LoggingEventBuilder event = LOG.atError().addKeyValue("error", CommandErrors.reason(e));
        (CommandErrors.isDefect(e) ? event.setCause(e) : event).log("start-failed");
        LOG.atDebug().setCause(e).log("start-failed-trace");
    }

    /** SIGHUP reads everything again, with the files that are named. Where anything is wrong, nothing changes. */
    private static void onHangup(CompletableFuture<Agent> started) {
        POSIXFactory.getJavaPOSIX().signal(Signal.SIGHUP, _ -> started.join().reload(AgentMain::optionsRead));
    }

    /** The options as command line, environment and files have them now. */
    private static AgentOptions optionsRead() {
        try {
            ParseResult again = commandLine().parseArgs(given.toArray(String[]::new));
            return AgentOptionsReader.read(configuration(again, System.getenv()));
        } catch (ParameterException e) {
            // A file of arguments, @FILE, may have changed.
            throw new InvalidConfigurationException(List.of(String.valueOf(e.getMessage())));
        }
    }
}
