package dev.ikat.agent.services;

import dev.ikat.agent.host.ListeningPorts;
import dev.ikat.agent.migrate.FormerNetwork;
import dev.ikat.agent.migrate.FormerProcesses;
import dev.ikat.netlink.netfilter.NftablesRuleset;
import dev.ikat.netlink.netfilter.TableFamily;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Looks for a kube-proxy in the network namespace of the calling thread: by the port at which it answers health checks,
 * by its process, and by the rules that it makes in each of its modes. Not thread-safe.
 */
final class KubeProxySigns implements AutoCloseable {
    /** {@code healthzBindAddress}' default port (KubeProxyConfiguration). */
    static final int HEALTH_PORT = 10256;

    /** The chain of kube-proxy's mode iptables that packets enter first. */
    private static final String ENTRY_CHAIN = "KUBE-SERVICES";

    private static final String REMOVE = "end the kube-proxy, then 'ikat-agent migrate --from kube-proxy --remove'";

    private final NftablesRuleset ruleset;
    private final Path proc;

    private KubeProxySigns(NftablesRuleset ruleset, Path proc) {
        this.ruleset = ruleset;
        this.proc = proc;
    }

    /** Opens the look-out. */
    static KubeProxySigns open() {
        return new KubeProxySigns(NftablesRuleset.open(), Path.of("/proc/thread-self/net"));
    }

    /** Another number after each change of anybody's rules; asking costs next to nothing. */
    int generation() {
        return ruleset.generation();
    }

    /**
     * What shows that there is a kube-proxy, or what one has left.
     *
     * @param words what it is, and how to be rid of it
     * @param runs whether there is a kube-proxy, and not only what one has left
     */
    record Sign(String words, boolean runs) {}

    /**
     * A kube-proxy, or what one has left; empty if there is neither.
     *
     * @param ownPort whether it is Ikat that answers at the port for health checks
     */
    Optional<Sign> find(boolean ownPort) {
        boolean answers = !ownPort && isListening();
        Optional<String> rules = rules();
        if (rules.isEmpty()) {
            return answers
                    ? Optional.of(
                            new Sign("a kube-proxy answers health checks at port " + HEALTH_PORT + "; " + REMOVE, true))
                    : Optional.empty();
        }
        boolean runs = answers || hasProcess();
        return Optional.of(new Sign(
                rules.get()
                        + (runs
                                ? " of a kube-proxy that runs; " + REMOVE
                                : " of a kube-proxy that does not run; 'ikat-agent migrate --from kube-proxy --remove' removes it"),
                runs));
    }

    private static boolean hasProcess() {
        try {
            return FormerProcesses.running(FormerNetwork.KUBE_PROXY).isPresent();
        } catch (IOException e) {
            // Then its port says whether it runs.
            return false;
        }
    }

    private Optional<String> rules() {
        for (TableFamily family : new TableFamily[] {TableFamily.IPV4, TableFamily.IPV6}) {
            if (ruleset.hasTable(family, "kube-proxy")) {
                return Optional.of("the nftables table " + family.word() + " kube-proxy");
            }
            if (ruleset.hasChain(family, "nat", ENTRY_CHAIN)) {
                return Optional.of("the chain " + ENTRY_CHAIN + " of iptables-nft");
            }
        }
        if (hasLine("dev", line -> line.startsWith("kube-ipvs0:"))) {
            return Optional.of("the link kube-ipvs0");
        }
        return Optional.empty();
    }

    private boolean isListening() {
        return ListeningPorts.isTaken(proc, HEALTH_PORT);
    }

    private boolean hasLine(String file, Predicate<String> wanted) {
        try (var lines = Files.lines(proc.resolve(file))) {
            return lines.map(String::strip).anyMatch(wanted);
        } catch (IOException e) {
            // A kernel without IPv6 has no such file.
            return false;
        }
    }

    @Override
    public void close() {
        ruleset.close();
    }
}
