package dev.ikat.iptables;

import dev.ikat.dataplane.AcceptanceState;
import dev.ikat.dataplane.FilterTable;
import dev.ikat.dataplane.FirewallAcceptance;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Accepts what Ikat lets pass in both variants of iptables, wherever the table {@code filter} refuses what nobody has
 * accepted: by its policy, or by a last rule. The rules come after those of others, so that what these refuse in
 * particular stays refused, and need to know little of the cluster: names of pods' links and of the tunnel device begin
 * alike, so that other nodes' pods are named only where no tunnel leads to them. What policies and the source guard
 * refuse never gets here, or is refused in a table of its own.
 */
public final class IptablesAcceptance implements FirewallAcceptance {
    /** The kernel's chains that may refuse what pods and tunnels need. */
    static final List<String> HOOKS = List.of("FORWARD", "INPUT", "OUTPUT");

    private static final Logger LOG = LoggerFactory.getLogger(IptablesAcceptance.class);
    private static final String PREFIX = Chains.PREFIX + "ACCEPT-";
    private static final String OURS = LinkNames.POD_PREFIX + "+";

    private final List<Rules> tables;
    private List<FilterTable> seen = List.of();

    /** @param programs runs iptables */
    public IptablesAcceptance(Programs programs) {
        this.tables = Stream.of(IptablesVariant.values())
                .flatMap(variant ->
                        Stream.of(IpFamily.values()).map(family -> Rules.acceptance(programs, variant, family)))
                .toList();
    }

    /** Whether any process has put it there. Asking never creates a table. */
    static boolean isPresent(Listings listings, IptablesVariant variant) {
        return HOOKS.stream().anyMatch(hook -> listings.has(variant, chain(hook)));
    }

    static boolean owns(String chain) {
        return chain.startsWith(PREFIX);
    }

    /** The name of the chain to which a chain of the kernel's leads. */
    static String chain(String hook) {
        return PREFIX + hook;
    }

    @Override
    public boolean reconcile(AcceptanceState state) {
        boolean changed = false;
        List<FilterTable> now = new ArrayList<>();
        for (Rules table : tables) {
            Optional<String> saved = read(table);
            if (saved.isPresent()) {
                Map<String, List<String>> wanted = wanted(saved.get(), table.family(), state);
                List<String> differences = new ArrayList<>();
                table.audit(saved.get(), wanted, differences);
                if (!differences.isEmpty()) {
                    var _ = table.replace(wanted);
                    changed = true;
                    LOG.atInfo()
                            .addKeyValue("table", table)
                            .addKeyValue("because", String.join("; ", differences))
                            .log("firewall-accepts");
                    saved = read(table);
                }
                saved.map(table::described).ifPresent(now::add);
            }
        }
        seen = List.copyOf(now);
        return changed;
    }

    @Override
    public List<FilterTable> tables() {
        return seen;
    }

    /** A host without one of the variants has no rules of it. */
    private static Optional<String> read(Rules table) {
        try {
            return table.present();
        } catch (IptablesException e) {
            LOG.atDebug()
                    .addKeyValue("table", table)
                    .addKeyValue("reason", e.getMessage())
                    .log("iptables-unusable");
            return Optional.empty();
        }
    }

    /** Once a chain is there it stays, although the host's firewall may refuse nothing any more. */
    private static Map<String, List<String>> wanted(String saved, IpFamily family, AcceptanceState state) {
        Refusals refusals = Refusals.in(saved);
        Map<String, List<String>> wanted = new TreeMap<>();
        for (String hook : HOOKS) {
            List<String> rules = rules(hook, family, state);
            if (!rules.isEmpty() && (refusals.refuses(hook) || refusals.has(chain(hook)))) {
                wanted.put(chain(hook), rules);
            }
        }
        return wanted;
    }

    private static List<String> rules(String hook, IpFamily family, AcceptanceState state) {
        List<String> rules = new ArrayList<>();
        switch (hook) {
            case "FORWARD" -> {
                rules.add("-i " + OURS + " -j ACCEPT");
                rules.add("-o " + OURS + " -j ACCEPT");
                // Their answers alone: what these pods begin has no need of this node.
                state.routed().stream()
                        .filter(block -> block.family() == family)
                        .flatMap(block -> Stream.of(
                                "-d " + block + " -j ACCEPT",
                                "-s " + block + " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"))
                        .forEach(rules::add);
            }
            case "INPUT" -> {
                // Answers to the node's own connections, such as probes of the kubelet. What pods may begin with the
                // node is for its firewall to say.
                rules.add("-i " + OURS + " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
                state.tunnelPort().ifPresent(port -> rules.add("-p udp -m udp --dport " + port + " -j ACCEPT"));
            }
            case "OUTPUT" -> {
                rules.add("-o " + OURS + " -j ACCEPT");
                state.tunnelPort().ifPresent(port -> rules.add("-p udp -m udp --dport " + port + " -j ACCEPT"));
            }
            default -> throw new IllegalArgumentException(hook);
        }
        return rules;
    }

    @Override
    public void remove() {
        for (Rules table : tables) {
            if (read(table).isPresent()) {
                table.remove();
            }
        }
    }
}
