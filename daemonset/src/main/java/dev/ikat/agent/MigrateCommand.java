package dev.ikat.agent;

import dev.ikat.agent.migrate.FormerNetwork;
import dev.ikat.agent.migrate.HostCommands;
import dev.ikat.agent.migrate.Leftover;
import dev.ikat.agent.migrate.Migration;
import dev.ikat.netlink.route.Rtnetlink;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code ikat-agent migrate}: what a former CNI plugin or kube-proxy has left on this host is listed, and removed on
 * demand.
 */
@Command(
        name = "migrate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Lists what another CNI plugin, or kube-proxy, has left on this host, and removes it with --remove: network "
                        + "configurations, links, routes, rules, sets, BPF pins and state. Links of pods that still run stay, "
                        + "and so does what those pods use. Remove the other plugin from the cluster first.",
        footer = {
            "",
            "The exit code is 0 if nothing is left, 1 if something is left or nothing was done, and 2 if the options "
                    + "are invalid. The command is idempotent: run it again after pods were restarted, or to retry."
        })
final class MigrateCommand implements Callable<Integer> {
    @Spec
    @Nullable
    CommandSpec spec;

    @Option(
            names = "--from",
            required = true,
            paramLabel = "NAME",
            description = "What was there before: flannel, calico, cilium, kube-router, weave or kube-proxy.")
    String from = "";

    @Option(names = "--check", description = "Only list; this is also what happens without --remove.")
    boolean check;

    @Option(names = "--remove", description = "List, then remove what no running pod uses.")
    boolean remove;

    @Option(
            names = "--force",
            description = "Remove even if the former plugin's agent is running on this host; it may make things again.")
    boolean force;

    @Option(
            names = "--root",
            paramLabel = "DIR",
            description = "The root of the host's file system, as seen by this command. Default: ${DEFAULT-VALUE}.",
            defaultValue = "/")
    Path root = Path.of("/");

    @Option(
            names = "--cni-conf-dir",
            paramLabel = "DIR",
            description = "Directory from which runtimes read network configurations. Default: etc/cni/net.d below "
                    + "--root.")
    @Nullable
    Path configurations;

    @Override
    public Integer call() throws IOException {
        if (spec == null) {
            throw new IllegalStateException("only picocli may call this");
        }
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        Optional<FormerNetwork> former = FormerNetwork.named(from);
        if (former.isEmpty() || (check && remove)) {
            err.println("ikat-agent migrate: "
                    + (former.isEmpty()
                            ? "--from: '" + from + "' is invalid: it has to be one of " + FormerNetwork.words()
                            : "--check and --remove exclude each other")
                    + ". Nothing was changed.");
            return spec.exitCodeOnInvalidInput();
        }
        if (!CommandErrors.isRoot()) {
            err.println("ikat-agent migrate: it reads and changes the kernel's network, which needs root: run it by "
                    + "sudo. Nothing was changed.");
            return 1;
        }
        Path directory = configurations == null ? root.resolve("etc/cni/net.d") : configurations;
        try (Rtnetlink netlink = Rtnetlink.open()) {
            return run(
                    former.get(), new Migration(former.get(), netlink, HostCommands.here(), root, directory), out, err);
        }
    }

    private int run(FormerNetwork former, Migration migration, PrintWriter out, PrintWriter err) throws IOException {
        List<Leftover> found = migration.find(note -> err.println("ikat-agent migrate: " + note));
        for (Leftover leftover : found) {
            String what = leftover.stays().map(why -> "stays: " + why).orElse("to be removed");
            leftover.objects().forEach(object -> out.println(former.title() + ": " + object + ": " + what));
        }
        if (found.isEmpty()) {
            out.println(former.title() + " has left nothing on this host");
            return 0;
        }
        out.flush();
        if (!remove) {
            out.println("Nothing was changed; 'ikat-agent migrate --from " + from + " --remove' removes what does not "
                    + "stay.");
            return 1;
        }
        OptionalLong running = migration.running();
        if (running.isPresent() && !force) {
            err.println("ikat-agent migrate: " + former.process() + " is running on this host as process "
                    + running.getAsLong() + " and would make all of this again; remove " + former.title()
                    + " from the cluster first, or use --force. Nothing was changed.");
            return 1;
        }
        List<String> failures = Migration.remove(found, object -> {
            out.println("removed: " + object);
            out.flush();
        });
        failures.forEach(failure -> err.println("ikat-agent migrate: not removed: " + failure));
        return failures.isEmpty()
                        && found.stream().allMatch(leftover -> leftover.stays().isEmpty())
                ? 0
                : 1;
    }
}
