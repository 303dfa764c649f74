package dev.ikat.iptables;

import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Masquerades by a chain in the nat table and two sets for each family. Each is replaced as a whole. */
public final class IptablesMasquerade implements Masquerading {
    private static final String SET = "ikatm[46]-.*";
    private static final String UNFINISHED = "ikatm-unfinished";

    private final Programs programs;
    private final List<Rules> tables;
    private Optional<MasqueradeState> written = Optional.empty();

    /**
     * @param programs runs iptables and ipset
     * @param variant which of the two
     */
    public IptablesMasquerade(Programs programs, IptablesVariant variant) {
        this.programs = programs;
        this.tables = Stream.of(IpFamily.values())
                .map(family -> Rules.nat(programs, variant, family))
                .toList();
    }

    /** Whether any process has put it there. Asking never creates a table. */
    static boolean isPresent(Listings listings, IptablesVariant variant) {
        return listings.has(variant, Chains.MASQUERADE);
    }

    private static String name(String role, IpFamily family) {
        return "ikatm" + (family == IpFamily.IPV4 ? "4-" : "6-") + role;
    }

    @Override
    public Outcome reconcile(MasqueradeState state) {
        if (written.filter(state::equals).isPresent() && differences(state).isEmpty()) {
            return Outcome.UNCHANGED;
        }
        StringBuilder commands = new StringBuilder();
        Set<String> present = sets().keySet();
        entries(state).forEach((name, entries) -> {
            String family = name.startsWith("ikatm4") ? "inet" : "inet6";
            if (!present.contains(name)) {
                commands.append("create %s hash:net family %s%n".formatted(name, family));
            }
            // Swapped in as a whole: no packet meets half a set.
            commands.append("create %s hash:net family %s%n".formatted(UNFINISHED, family));
            entries.forEach(entry -> commands.append("add %s %s%n".formatted(UNFINISHED, entry)));
            commands.append("swap %s %s%ndestroy %s%n".formatted(UNFINISHED, name, UNFINISHED));
        });
        if (programs.run("", "ipset", "list", "-name").lines().anyMatch(UNFINISHED::equals)) {
            programs.run("", "ipset", "destroy", UNFINISHED);
        }
        programs.run(commands.toString(), "ipset", "restore");
        for (Rules table : tables) {
            var _ = table.replace(Map.of(Chains.MASQUERADE, rules(state, table.family())));
        }
        written = Optional.of(state);
        return Outcome.REPAIRED;
    }

    private static List<String> rules(MasqueradeState state, IpFamily family) {
        String pods = name("pods", family);
        String cluster = name("cluster", family);
        List<String> rules = new ArrayList<>();
        rules.add("-m set --match-set %s src -m set ! --match-set %s dst -j MASQUERADE --random-fully"
                .formatted(pods, cluster));
        // The route into a tunnel gives what this node sends the tunnel's address. Where another program translates the
        // destination afterwards, as kube-proxy does, the source is another one, and the answer would come back past
        // the
        // tunnel.
        rules.add("-o %s+ -m set ! --match-set %s src -m addrtype --src-type LOCAL -j MASQUERADE --random-fully"
                .formatted(LinkNames.OVERLAY, pods));
        if (state.foreign()) {
            rules.add(("-m set --match-set %2$s dst -m set ! --match-set %1$s dst -m set ! --match-set %2$s src"
                            + " -m addrtype ! --src-type LOCAL -j MASQUERADE --random-fully")
                    .formatted(pods, cluster));
        }
        return rules;
    }

    private static Map<String, Set<String>> entries(MasqueradeState state) {
        Map<String, Set<String>> entries = new TreeMap<>();
        for (IpFamily family : IpFamily.values()) {
            entries.put(name("pods", family), entries(state.podCidrs(), family));
            entries.put(name("cluster", family), entries(state.clusterCidrs(), family));
        }
        return entries;
    }

    private static Set<String> entries(Set<Cidr> cidrs, IpFamily family) {
        Set<String> entries = new TreeSet<>();
        MasqueradeState.cover(cidrs, family).forEach(cidr -> entries.add(Sets.network(cidr)));
        return entries;
    }

    private Map<String, Set<String>> sets() {
        return Sets.parse(programs.run("", "ipset", "save"), SET);
    }

    private List<String> differences(MasqueradeState state) {
        List<String> differences = new ArrayList<>();
        tables.forEach(table -> table.audit(differences));
        if (!sets().equals(entries(state))) {
            differences.add("the sets differ");
        }
        return differences;
    }

    @Override
    public void remove() {
        written = Optional.empty();
        tables.forEach(Rules::remove);
        OwnSets.destroy(programs, sets().keySet());
    }
}
