package dev.ikat.agent;

import dev.ikat.agent.config.Setting;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.host.DropIns;
import dev.ikat.agent.server.AgentLock;
import dev.ikat.agent.server.AgentRunningException;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Rtnetlink;
import java.io.IOException;
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
        description = "Removes everything that Ikat created on this host: network configuration, links, routes, "
                + "rules, sets, files; and restores the kernel settings that it changed. Stop the agent first.",
        footer = {
            "",
            "The exit code is 1 if something could not be removed. The command is idempotent: run it again to retry."
        })
final class UninstallCommand implements Callable<Integer> {
    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description = "The agent's run directory. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_RUN_DIR:-/run/ikat}")
    Path runDirectory = Path.of("/run/ikat");

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            description = "The agent's state directory. Default: ${DEFAULT-VALUE}.",
            defaultValue = "${env:IKAT_STATE_DIR:-/var/lib/ikat}")
    Path stateDirectory = Path.of("/var/lib/ikat");

    @Option(
            names = "--cni-conf-dir",
            paramLabel = "DIR",
            description = "Directory in which the agent wrote the network configuration. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/etc/cni/net.d")
    Path conflistDirectory = Path.of("/etc/cni/net.d");

    @Option(
            names = "--conflist-name",
            paramLabel = "FILE",
            description = "File name of the network configuration. Default: ${DEFAULT-VALUE}.",
            defaultValue = "10-ikat.conflist")
    String conflistName = "10-ikat.conflist";

    @Option(
            names = "--cni-bin-dir",
            paramLabel = "DIR",
            description = "Also remove the launcher and the cold plugin from this directory. Default: keep them.")
    @Nullable
    Path binaries;

    @Option(
            names = "--host-root",
            paramLabel = "DIR",
            description = "The host's root directory, for the files of network managers. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/")
    Path hostRoot = Path.of("/");

    @Option(names = "--force", description = "Uninstall even if pods are still wired by Ikat; they lose their network.")
    boolean force;

    @Override
    public Integer call() {
        if (spec == null) {
            throw new IllegalStateException("only picocli may call this");
        }
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        if (!CommandErrors.isRoot()) {
            err.println(
                    "ikat-agent uninstall: it changes the kernel's network, which needs root: run it by sudo. Nothing "
                            + "was changed.");
            return 1;
        }
        Path run = Setting.RUN_DIR.path(runDirectory);
        try (AgentLock _ = AgentLock.acquire(run);
                Rtnetlink netlink = Rtnetlink.open();
                Dataplanes dataplanes = Uninstaller.dataplanes(run)) {
            int pods = Uninstaller.pods(netlink);
            if (pods > 0 && !force) {
                err.println("ikat-agent uninstall: " + (pods == 1 ? "1 pod is" : pods + " pods are")
                        + " still wired by Ikat; delete what is left, or use "
                        + "--force, which takes their network away. Nothing was changed.");
                return 1;
            }
            Path conflist = conflistDirectory.toAbsolutePath().resolve(conflistName);
            List<String> failures = new Uninstaller(
                            run, Setting.STATE_DIR.path(stateDirectory), conflist, Optional.ofNullable(binaries))
                    .run(netlink, dataplanes, Sysctl.PARAMETERS, line -> {
                        out.println("removed: " + line);
                        out.flush();
                    });
            failures.forEach(failure -> err.println("ikat-agent uninstall: not removed: " + failure));
            new DropIns(hostRoot.toAbsolutePath()).remove(out::println);
            return failures.isEmpty() ? 0 : 1;
        } catch (IOException e) {
            err.println("ikat-agent uninstall: not removed: files for the host's network managers: "
                    + CommandErrors.reason(e));
            return 1;
        } catch (AgentRunningException e) {
            err.println("ikat-agent uninstall: " + e.getMessage() + ". Nothing was changed.");
            return 1;
        }
    }
}
