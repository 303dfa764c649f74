package dev.ikat.agent;

import dev.ikat.agent.cni.PluginFiles;
import dev.ikat.agent.host.DropIns;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code ikat-agent install}: launcher and cold plugin to where runtimes look for plugins, and drop-ins for the host's
 * network managers.
 */
@Command(
        name = "install",
        mixinStandardHelpOptions = true,
        description = "Copies the launcher, and the plugin that runs without an agent, to the directory in which "
                + "container runtimes look for CNI plugins, and has NetworkManager, systemd-networkd and udev leave "
                + "Ikat's links alone where they are installed. The command is atomic (a complete version is there at "
                + "every moment) and idempotent.")
final class InstallCommand implements Callable<Integer> {
    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--from",
            paramLabel = "DIR",
            description = "Directory to copy from. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/opt/ikat/cni")
    Path from = Path.of("/opt/ikat/cni");

    @Option(
            names = "--cni-bin-dir",
            paramLabel = "DIR",
            description = "Directory to copy to. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/opt/cni/bin")
    Path to = Path.of("/opt/cni/bin");

    @Option(names = "--no-drop-ins", description = "Do not write files for NetworkManager, systemd-networkd and udev.")
    boolean withoutDropIns;

    @Option(
            names = "--host-root",
            paramLabel = "DIR",
            description = "The host's root directory, for these files. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/")
    Path hostRoot = Path.of("/");

    @Override
    public Integer call() {
        if (spec == null) {
            throw new IllegalStateException("only picocli may call this");
        }
        PrintWriter out = spec.commandLine().getOut();
        try {
            out.println((PluginFiles.install(from, to) ? "installed in " : "already in ") + to);
        } catch (IOException e) {
            spec.commandLine()
                    .getErr()
                    .println("ikat-agent install: can't install the plugin in " + to + ": " + CommandErrors.reason(e)
                            + "; the previous version is unchanged"
                            + (CommandErrors.isRoot() ? "" : "; try again as root"));
            return 1;
        }
        try {
            if (!withoutDropIns) {
                new DropIns(hostRoot.toAbsolutePath()).install(out::println);
            }
            return 0;
        } catch (IOException e) {
            spec.commandLine()
                    .getErr()
                    .println("ikat-agent install: the plugin is installed, but not the files for the host's network "
                            + "managers: " + CommandErrors.reason(e) + "; --no-drop-ins does without them"
                            + (CommandErrors.isRoot() ? "" : "; try again as root"));
            return 1;
        }
    }
}
