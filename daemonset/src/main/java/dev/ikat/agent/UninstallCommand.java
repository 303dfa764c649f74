package dev.ikat.agent;

import dev.ikat.agent.config.Setting;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.server.AgentLock;
import dev.ikat.agent.server.AgentRunningException;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Rtnetlink;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ikat-agent uninstall}: the host as it was before. */
@Command(
        name = "uninstall",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Removes from this host everything that Ikat made: network configuration, links, routes, rules,"
                + " sets, files; and puts settings back. End the agent first.",
        footer = {"", "The exit code is 1 if something is left; doing it again tries that again."})
final class UninstallCommand implements Callable<Integer> {
    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description = "The agent's. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_RUN_DIR:-/run/ikat}")
    Path runDirectory = Path.of("/run/ikat");

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            description = "The agent's. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_STATE_DIR:-/var/lib/ikat}")
    Path stateDirectory = Path.of("/var/lib/ikat");

    @Option(
            names = "--cni-conf-dir",
            paramLabel = "DIR",
            description = "Where the agent wrote the network configuration. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/etc/cni/net.d")
    Path conflistDirectory = Path.of("/etc/cni/net.d");

    @Option(
            names = "--conflist-name",
            paramLabel = "FILE",
            description = "Its name there. Default: ${DEFAULT-VALUE}.",
            defaultValue = "10-ikat.conflist")
    String conflistName = "10-ikat.conflist";

    @Option(
            names = "--cni-bin-dir",
            paramLabel = "DIR",
            description = "Also remove launcher and cold plugin from there. Default: leave them.")
    @Nullable
    Path binaries;

    @Option(names = "--force", description = "Even if pods are still wired by Ikat; they lose their network.")
    boolean force;

    @Override
    public Integer call() {
        if (spec == null) {
            throw new IllegalStateException("run by picocli only");
        }
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        Path run = Setting.RUN_DIR.path(runDirectory);
        try (AgentLock _ = AgentLock.acquire(run);
                Rtnetlink netlink = Rtnetlink.open();
                Dataplanes dataplanes = Uninstaller.dataplanes()) {
            int pods = Uninstaller.pods(netlink);
            if (pods > 0 && !force) {
                err.println(
                        "ikat-agent uninstall: " + pods + " pods are still wired by Ikat; remove them, or take their"
                                + " network away with --force. Nothing was changed.");
                return 1;
            }
            Path conflist = conflistDirectory.toAbsolutePath().resolve(conflistName);
            List<String> failures = new Uninstaller(
                            run, Setting.STATE_DIR.path(stateDirectory), conflist, Optional.ofNullable(binaries))
                    .run(netlink, dataplanes, Sysctl.PARAMETERS, line -> {
                        out.println("removed: " + line);
                        out.flush();
                    });
            failures.forEach(failure -> err.println("ikat-agent uninstall: left: " + failure));
            return failures.isEmpty() ? 0 : 1;
        } catch (AgentRunningException e) {
            err.println("ikat-agent uninstall: " + e.getMessage() + "; end it first. Nothing was changed.");
            return 1;
        }
    }
}
