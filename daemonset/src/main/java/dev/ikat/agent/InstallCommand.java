package dev.ikat.agent;

import dev.ikat.agent.cni.PluginFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ikat-agent install}: launcher and cold plugin to where runtimes look for plugins. */
@Command(
        name = "install",
        mixinStandardHelpOptions = true,
        description =
                "Puts the launcher and the plugin that runs without an agent where container runtimes look for CNI"
                        + " plugins, so that at each moment a whole one is there. Does nothing where the same is there.")
final class InstallCommand implements Callable<Integer> {
    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--from",
            paramLabel = "DIR",
            description = "Where they come from. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/opt/ikat/cni")
    Path from = Path.of("/opt/ikat/cni");

    @Option(
            names = "--cni-bin-dir",
            paramLabel = "DIR",
            description = "Where they go. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/opt/cni/bin")
    Path to = Path.of("/opt/cni/bin");

    @Override
    public Integer call() {
        if (spec == null) {
            throw new IllegalStateException("run by picocli only");
        }
        PrintWriter out = spec.commandLine().getOut();
        try {
            out.println((PluginFiles.install(from, to) ? "installed in " : "already in ") + to);
            return 0;
        } catch (IOException e) {
            spec.commandLine()
                    .getErr()
                    .println("ikat-agent install: can't put the plugin into " + to + ": " + e
                            + "; what was there still is");
            return 1;
        }
    }
}
