package dev.ikat.iptables;

import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Enforces programs by iptables and ipset; {@link Chains} defines the rules. Sets are created before the rules that
 * refer to them, and deleted after them; the rules of a family change in one commit of the kernel. If members and rules
 * change at once, members are removed before and added after, so that between the steps less is allowed, never more.
 * Not thread-safe.
 */
public final class IptablesBackend implements PolicyBackend {
    private final Programs programs;
    private final OwnSets kernel;
    private final List<Family> families;
    private final Map<InterfaceName, PodProgram> pods = new HashMap<>();
    private Sets sets = new Sets('a');
    private final Knowledge knowledge = new Knowledge();

    private record Family(Rules rules, Chains chains) {}

    /**
     * @param programs runs iptables and ipset
     * @param variant which of the two
     * @param logGroup the NFLOG group to which drops are logged; empty for none
     */
    public IptablesBackend(Programs programs, IptablesVariant variant, OptionalInt logGroup) {
        this.programs = programs;
        this.kernel = new OwnSets(programs, Sets.NAME);
        this.families = Stream.of(IpFamily.values())
                .map(family -> new Family(Rules.filter(programs, variant, family), new Chains(family, logGroup)))
                .toList();
    }

    /** Whether any process has put this backend's rules there. Asking never creates a table. */
    static boolean isPresent(Listings listings, IptablesVariant variant) {
        return listings.has(variant, Chains.FORWARD);
    }

    @Override
    public Optional<String> probe() {
        try {
            families.forEach(family -> family.rules().save());
            programs.run("", "ipset", "list", "-name");
            return Optional.empty();
        } catch (IptablesException e) {
            return Optional.of("iptables is not usable: " + e.getMessage());
        }
    }

    @Override
    public void replace(PolicyProgram program) {
        knowledge.change("put the whole program in force", () -> {
            Set<String> before = kernel.names();
            Sets next = Sets.beside(before);
            StringBuilder create = new StringBuilder();
            program.sets().values().forEach(set -> next.create(set, create));
            List<Map<String, List<String>>> wanted = families.stream()
                    .map(family -> family.chains().all(program.pods().values(), next))
                    .toList();
            next.createAsked(create);
            StringBuilder nothing = new StringBuilder();
            kernel.allOrNothing(next.entries().keySet(), nothing, undo -> {
                kernel.restore(create);
                for (int i = 0; i < families.size(); i++) {
                    undo.add(families.get(i).rules().replace(wanted.get(i)));
                }
            });
            kernel.destroy(before);
            sets = next;
            pods.clear();
            pods.putAll(program.pods());
        });
    }

    @Override
    public void apply(PolicyChange change) {
        knowledge.require("the whole program has to be put in force first");
        if (change.isEmpty()) {
            return;
        }
        knowledge.change("change the program in force", () -> {
            Set<String> present = Set.copyOf(sets.entries().keySet());
            StringBuilder takeBack = new StringBuilder();
            change.changedSets()
                    .forEach((id, members) -> sets.takeBack(id, members.removed(), members.added(), takeBack));
            StringBuilder before = new StringBuilder();
            StringBuilder after = new StringBuilder();
            change.addedSets().forEach(set -> sets.create(set, before));
            change.changedSets().forEach((id, members) -> sets.change(id, members.removed(), Set.of(), before));
            List<Map<String, List<String>>> wanted = chains(change);
            sets.createAsked(before);
            change.changedSets().forEach((id, members) -> sets.change(id, Set.of(), members.added(), after));
            Set<String> made = new TreeSet<>(sets.entries().keySet());
            made.removeAll(present);
            kernel.allOrNothing(made, takeBack, undo -> {
                kernel.restore(before);
                for (int i = 0; i < wanted.size(); i++) {
                    undo.add(families.get(i).rules().change(wanted.get(i)));
                }
                kernel.restore(after);
            });
            StringBuilder destroy = new StringBuilder();
            change.removedSets().forEach(id -> sets.destroy(id, destroy));
            destroyUnusedBlocks(wanted, destroy);
            kernel.restore(destroy);
        });
    }

    /** The chains that there should be, by table; none if they stay as they are. */
    private List<Map<String, List<String>>> chains(PolicyChange change) {
        if (change.programs().isEmpty() && change.removedPods().isEmpty()) {
            return List.of();
        }
        List<PodProgram> leaving = new ArrayList<>();
        for (Endpoint endpoint : change.removedPods()) {
            Optional.ofNullable(pods.remove(endpoint.hostInterface())).ifPresent(leaving::add);
        }
        for (PodProgram pod : change.programs()) {
            Optional.ofNullable(pods.put(pod.endpoint().hostInterface(), pod)).ifPresent(leaving::add);
        }
        return families.stream()
                .map(family -> family.chains()
                        .changed(family.rules().written(), pods.values(), leaving, change.programs(), sets))
                .toList();
    }

    private void destroyUnusedBlocks(List<Map<String, List<String>>> wanted, StringBuilder commands) {
        if (wanted.isEmpty()) {
            return;
        }
        Set<String> used = new HashSet<>();
        for (Map<String, List<String>> chains : wanted) {
            chains.values()
                    .forEach(
                            rules -> rules.forEach(rule -> Sets.blockSetOf(rule).ifPresent(used::add)));
        }
        sets.destroyUnusedBlocks(used, commands);
    }

    @Override
    public List<String> audit(PolicyProgram program) {
        if (!knowledge.isKnown()) {
            return List.of(Knowledge.MISSING);
        }
        return Knowledge.attempt("read what is in force", () -> {
            List<String> differences = new ArrayList<>();
            families.forEach(family -> family.rules().audit(differences));
            OwnSets.compare(sets.entries(), kernel.contents(), differences);
            return differences;
        });
    }

    @Override
    public void remove() {
        knowledge.change("remove the program", () -> {
            families.forEach(family -> family.rules().remove());
            kernel.destroy(kernel.names());
        });
        knowledge.forget();
        pods.clear();
        sets = new Sets('a');
    }

    /** Forgets what is in force; it stays in force. */
    @Override
    public void close() {
        knowledge.forget();
    }
}
