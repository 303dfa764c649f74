package dev.ikat.agent;

import dev.ikat.agent.bgp.NodeBgp;
import dev.ikat.agent.cni.Conflist;
import dev.ikat.agent.cni.PluginFiles;
import dev.ikat.agent.cni.PluginPrograms;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.firewall.DatapathProbe;
import dev.ikat.agent.host.FileTree;
import dev.ikat.agent.overlay.OverlayReconciler;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.cni.HostSettings;
import dev.ikat.cni.PodLink;
import dev.ikat.dataplane.Capability;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.kubernetes.KubernetesSource;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Requests;
import dev.ikat.nftables.NftablesDataplane;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * Restores the host to its state before Ikat was installed, in an order in which nothing that is already removed leads
 * to anything new: the network configuration is removed first. It finds everything by Ikat's names, protocol number and
 * records, not by options, and leaves what others created. Idempotent: running it again retries what failed. The caller
 * holds the run directory's lock.
 *
 * @param runDirectory the directory of the leases and the record of kernel settings; removed last
 * @param stateDirectory the directory of the last known cluster
 * @param conflist the network configuration that the agent wrote
 * @param binaries the directory of launcher and cold plugin; empty to keep them
 */
public record Uninstaller(Path runDirectory, Path stateDirectory, Path conflist, Optional<Path> binaries) {
    private static final PolicySettings NO_POLICY = new PolicySettings(
            Backend.NONE, Duration.ZERO, false, OptionalInt.empty(), Optional.empty(), true, 0, Map.of());

    private interface Removal {
        void run() throws IOException;
    }

    /** How many pods of this host are wired by Ikat; those of a self-test are none. */
    static int pods(Netlink netlink) {
        return (int) netlink.links().stream()
                .filter(PodLink::isHostEnd)
                .filter(link -> !DatapathProbe.isItsOwn(link))
                .count();
    }

    /** All that Ikat filters by, in the calling thread's network namespace. */
    static Dataplanes dataplanes(Path runDirectory) {
        return Dataplanes.of(
                new NftablesDataplane(true, OptionalInt.empty()), NO_POLICY, Outside.LEFT, _ -> {}, runDirectory);
    }

    /**
     * Removes everything from the network namespace that all of these are of.
     *
     * @param report is told each thing that is gone, a line each
     * @return what could not be removed, a line each; the rest is gone nevertheless
     */
    List<String> run(Netlink netlink, Dataplanes dataplanes, Sysctl.Parameters parameters, Consumer<String> report) {
        List<String> failures = new ArrayList<>();
        attempt("network configuration " + conflist, failures, () -> {
            // Without Ikat nobody makes the pods' interface, and so a list with others' plugins alone can't work.
            List<String> others = others();
            if (Files.deleteIfExists(conflist)) {
                report.accept("network configuration " + conflist
                        + (others.isEmpty()
                                ? ""
                                : " with " + String.join(", ", others)
                                        + ", which others had added; install these again for the next network"));
            }
            Files.deleteIfExists(conflist.resolveSibling("." + conflist.getFileName() + ".new"));
        });
        attempt("BIRD", failures, () -> {
            if (NodeBgp.end(runDirectory, netlink)) {
                report.accept("BIRD, with its routes");
            }
        });
        attempt("pods' links", failures, () -> removeLinks(netlink, report));
        attempt("overlay", failures, () -> new OverlayReconciler(netlink).remove());
        attempt("policies", failures, () -> dataplanes.removeLeft(Capability.POLICY, Optional.empty()));
        attempt(
                "rules in the host's firewall",
                failures,
                () -> dataplanes.removeLeft(Capability.ACCEPTANCE, Optional.empty()));
        attempt("services", failures, () -> dataplanes.removeLeft(Capability.SERVICES, Optional.empty()));
        attempt("masquerading", failures, () -> dataplanes.removeLeft(Capability.MASQUERADE, Optional.empty()));
        attempt("source guard", failures, () -> dataplanes.removeLeft(Capability.GUARD, Optional.empty()));
        report.accept("overlay, policies and masquerade");
        attempt("settings", failures, () -> restoreSettings(parameters, report));
        binaries.ifPresent(directory -> attempt("programs in " + directory, failures, () -> {
            PluginFiles.remove(directory);
            report.accept("programs in " + directory);
        }));
        attempt("state directory " + stateDirectory, failures, () -> {
            if (KubernetesSource.forget(stateDirectory)) {
                report.accept("last known cluster in " + stateDirectory);
            }
        });
        if (failures.isEmpty()) {
            // Not before: it holds the record of what the settings were.
            attempt("run directory " + runDirectory, failures, () -> {
                FileTree.delete(runDirectory);
                report.accept("run directory " + runDirectory);
            });
        }
        return List.copyOf(failures);
    }

    /** The plugins that others have chained. */
    private List<String> others() {
        PluginPrograms none = new PluginPrograms(List.of());
        return new Conflist(conflist.resolveSibling(""), conflist.getFileName().toString(), List.of(), true, none)
                .others();
    }

    private static void attempt(String what, List<String> failures, Removal removal) {
        try {
            removal.run();
        } catch (IOException | RuntimeException e) {
            // The rest can go all the same, and the less is left the better.
            failures.add(what + ": " + (e.getMessage() == null ? e.toString() : e.getMessage()));
        }
    }

    private static void removeLinks(Netlink netlink, Consumer<String> report) {
        List<Request> requests = new ArrayList<>();
        for (Link link : netlink.links()) {
            if (PodLink.isHostEnd(link)) {
                requests.add(Requests.deleteLink(link.index()).ignoring(Errno.ENODEV));
            }
        }
        if (!requests.isEmpty()) {
            // Routes and neighbours go with their link.
            netlink.execute(requests);
            report.accept(requests.size() + " links to pods");
        }
    }

    private void restoreSettings(Sysctl.Parameters parameters, Consumer<String> report) throws IOException {
        HostSettings.restore(runDirectory, parameters)
                .forEach(change -> report.accept("setting " + change.key() + " is " + change.value() + " again"));
    }
}
