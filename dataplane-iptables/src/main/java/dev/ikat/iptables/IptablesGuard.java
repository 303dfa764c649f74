package dev.ikat.iptables;

import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The source guard as chains in the tables raw and filter, and sets of ipset; {@link GuardChains} defines the rules.
 * Sets are swapped as a whole, and each table of a family changes in one commit. Not thread-safe.
 */
public final class IptablesGuard implements SourceGuard {
    private static final Logger LOG = LoggerFactory.getLogger(IptablesGuard.class);
    private static final String UNFINISHED = "ikats-unfinished";

    private final Programs programs;
    private final List<Rules> raw;
    private final List<Rules> tunnels;
    private final OptionalInt logGroup;
    private Optional<GuardState> written = Optional.empty();
    private boolean warned;

    /**
     * @param programs runs iptables and ipset
     * @param variant which of the two
     * @param logGroup the NFLOG group to which drops are logged; empty for none
     */
    public IptablesGuard(Programs programs, IptablesVariant variant, OptionalInt logGroup) {
        this.programs = programs;
        this.logGroup = logGroup;
        this.raw = Stream.of(IpFamily.values())
                .map(family -> Rules.raw(programs, variant, family))
                .toList();
        this.tunnels = Stream.of(IpFamily.values())
                .map(family -> Rules.tunnels(programs, variant, family))
                .toList();
    }

    /** Whether any process has put it there. Asking never creates a table. */
    static boolean isPresent(Listings listings, IptablesVariant variant) {
        return listings.has(variant, GuardChains.SOURCES) || listings.has(variant, GuardChains.ARRIVING);
    }

    @Override
    public boolean reconcile(GuardState state) {
        if (written.filter(state::equals).isPresent() && isInForce(state)) {
            return false;
        }
        written = Optional.empty();
        writeSets(GuardChains.sets(state));
        try {
            writeRules(state, true);
        } catch (IptablesException e) {
            writeWithoutU32(state, e);
        }
        written = Optional.of(state);
        return true;
    }

    /** A kernel may lack the match u32; whatever else stands in the way, does so without it, too, or once only. */
    private void writeWithoutU32(GuardState state, IptablesException first) {
        try {
            writeRules(state, false);
        } catch (IptablesException second) {
            first.addSuppressed(second);
            throw first;
        }
        try {
            writeRules(state, true);
        } catch (IptablesException again) {
            if (!warned) {
                LOG.atWarn()
                        .addKeyValue(
                                "reason",
                                "tunnels of other programs at the VXLAN port are refused as well: iptables can't read "
                                        + "their network identifiers; load the kernel module "
                                        + "xt_u32 and restart the agent, or "
                                        + "choose another --vxlan-port")
                        .addKeyValue("error", again.getMessage())
                        .log("guard-stricter");
                warned = true;
            }
        }
    }

    private void writeSets(Map<String, Set<String>> sets) {
        StringBuilder commands = new StringBuilder();
        Set<String> present = present().keySet();
        sets.forEach((name, entries) -> {
            String form = name.matches(".*-(peers|nodes)") ? "hash:ip" : "hash:net";
            String create = "create %s " + form + " family " + (name.startsWith("ikats4") ? "inet" : "inet6") + "%n";
            if (!present.contains(name)) {
                commands.append(create.formatted(name));
            }
            // Swapped in as a whole: no packet meets half a set.
            commands.append(create.formatted(UNFINISHED));
            entries.forEach(entry -> commands.append("add %s %s%n".formatted(UNFINISHED, entry)));
            commands.append("swap %s %s%ndestroy %s%n".formatted(UNFINISHED, name, UNFINISHED));
        });
        if (programs.run("", "ipset", "list", "-name").lines().anyMatch(UNFINISHED::equals)) {
            programs.run("", "ipset", "destroy", UNFINISHED);
        }
        programs.run(commands.toString(), "ipset", "restore");
    }

    private Map<String, Set<String>> present() {
        return Sets.parse(programs.run("", "ipset", "save"), GuardChains.SET);
    }

    private void writeRules(GuardState state, boolean readsVni) {
        for (Rules table : raw) {
            var _ = table.replace(chains(table, state, readsVni).raw());
        }
        for (Rules table : tunnels) {
            var _ = table.replace(chains(table, state, readsVni).tunnels());
        }
    }

    private GuardChains chains(Rules table, GuardState state, boolean readsVni) {
        return new GuardChains(table.family(), state, logGroup, readsVni);
    }

    private boolean isInForce(GuardState state) {
        List<String> differences = new ArrayList<>();
        raw.forEach(table -> table.audit(differences));
        tunnels.forEach(table -> table.audit(differences));
        return differences.isEmpty() && present().equals(new TreeMap<>(GuardChains.sets(state)));
    }

    @Override
    public void remove() {
        written = Optional.empty();
        raw.forEach(Rules::remove);
        tunnels.forEach(Rules::remove);
        OwnSets.destroy(programs, present().keySet());
    }
}
