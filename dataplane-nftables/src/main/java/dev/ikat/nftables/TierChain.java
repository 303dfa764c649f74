package dev.ikat.nftables;

import dev.ikat.cluster.Protocol;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.PortSpan;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One chain of a tier: its rules, then a look-up of the receiving port, then another chain.
 *
 * <p>Rules that do the same with what they match may change places. So of many such rules in a row, those for single
 * ports are each put into a chain of their port, which is looked up; the others, which every packet has to be compared
 * with, stand in the chain that all of these go on to. However many services a pod has, a packet meets the rules of
 * one.
 *
 * @param name the chain's
 * @param rules in order
 * @param withPorts whether the rules have to compare ports; otherwise only this port's packets come here
 * @param ports where packets for a port go on; none: nothing is looked up
 * @param then where all others go on; empty: the tier's other rules are at an end
 */
record TierChain(
        String name, List<CompiledRule> rules, boolean withPorts, Map<PortSpan, String> ports, Optional<String> then) {
    TierChain {
        rules = List.copyOf(rules);
    }

    /**
     * A tier's chains, of which the first has this name.
     *
     * @param worthwhile so many rules for single ports in a row are looked up; at least 1
     */
    static List<TierChain> of(String name, List<CompiledRule> rules, int worthwhile) {
        List<TierChain> chains = new ArrayList<>();
        List<CompiledRule> pending = new ArrayList<>();
        String current = name;
        for (List<CompiledRule> run : runs(rules)) {
            Map<PortSpan, List<CompiledRule>> byPort = new LinkedHashMap<>();
            List<CompiledRule> others = new ArrayList<>();
            for (CompiledRule rule : run) {
                if (isForSinglePorts(rule)) {
                    Set<PortSpan> different = new LinkedHashSet<>(rule.ports());
                    different.forEach(port ->
                            byPort.computeIfAbsent(port, _ -> new ArrayList<>()).add(rule));
                } else {
                    others.add(rule);
                }
            }
            if (run.size() - others.size() < worthwhile) {
                pending.addAll(run);
                continue;
            }
            String rest = current + ".rest";
            Map<PortSpan, String> ports = new LinkedHashMap<>();
            for (PortSpan port : byPort.keySet()) {
                ports.put(port, current + "." + word(port.protocol()) + "." + port.first());
            }
            chains.add(new TierChain(current, pending, true, ports, Optional.of(rest)));
            byPort.forEach((port, its) ->
                    chains.add(new TierChain(ports.getOrDefault(port, rest), its, false, Map.of(), Optional.of(rest))));
            pending = others;
            current = rest;
        }
        chains.add(new TierChain(current, pending, true, Map.of(), Optional.empty()));
        return chains;
    }

    /** Rules in a row that do the same. */
    private static List<List<CompiledRule>> runs(List<CompiledRule> rules) {
        List<List<CompiledRule>> runs = new ArrayList<>();
        Optional<Action> last = Optional.empty();
        for (CompiledRule rule : rules) {
            if (!last.equals(Optional.of(rule.action()))) {
                runs.add(new ArrayList<>());
                last = Optional.of(rule.action());
            }
            runs.getLast().add(rule);
        }
        return runs;
    }

    private static boolean isForSinglePorts(CompiledRule rule) {
        return !rule.ports().isEmpty() && rule.ports().stream().allMatch(span -> span.first() == span.last());
    }

    /** A protocol as nftables calls it. */
    static String word(Protocol protocol) {
        return protocol.name().toLowerCase(Locale.ROOT);
    }
}
