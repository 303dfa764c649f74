package dev.ikat.nftables;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Enforces programs by nftables, in Ikat's table; {@link PolicyScript} defines the rules. If only elements change, the
 * backend sends netlink messages of its own to the kernel; all other changes go through libnftables. Either way it is
 * one transaction.
 */
public final class NftablesBackend implements PolicyBackend {
    private static final List<Direction> DIRECTIONS = List.of(Direction.values());

    private final NftablesTable table;
    private final PolicyScript script;
    /** What this object has put into the kernel, and so what a change starts from. */
    private final Map<InterfaceName, PodProgram> pods = new HashMap<>();

    private final Map<SetId, AddressSet.Form> sets = new HashMap<>();
    private boolean known;
    /** What is in force, where others can change it; empty where they may have done so before it was read. */
    private Optional<Set<Part>> rules = Optional.empty();

    /**
     * A chain or a rule.
     *
     * @param chain the chain, or the rule's
     * @param text what it is, as the kernel numbered it
     */
    private record Part(String chain, String text) {}

    /**
     * @param table the table for the rules
     * @param logGroup the NFLOG group to which drops are logged; empty for none
     */
    public NftablesBackend(NftablesTable table, OptionalInt logGroup) {
        this(table, logGroup, PolicyScript.PORTS_WORTH_A_LOOK_UP);
    }

    /** @param worthwhile so many rules in a row for single ports are looked up by their port; at least 1 */
    NftablesBackend(NftablesTable table, OptionalInt logGroup, int worthwhile) {
        this.table = table;
        this.script = new PolicyScript(logGroup, worthwhile);
    }

    @Override
    public Optional<String> probe() {
        // Checked in a table of its own, and never put in force.
        try {
            table.list("list tables inet");
            return Optional.empty();
        } catch (NftablesException e) {
            return Optional.of("nf_tables is not usable: " + e.getMessage());
        }
    }

    @Override
    public void replace(PolicyProgram program) {
        attempt("put the whole program in force", () -> {
            table.ensure();
            Map<SetId, AddressSet.Form> forms = new HashMap<>();
            program.sets().forEach((id, set) -> forms.put(id, set.form()));
            NftablesTable.Names former = table.names(Owner.POLICY::owns);
            rules = written(() -> putInForce(program, forms, former));
            pods.clear();
            sets.clear();
            pods.putAll(program.pods());
            sets.putAll(forms);
        });
    }

    private void putInForce(PolicyProgram program, Map<SetId, AddressSet.Form> forms, NftablesTable.Names former) {
        try {
            table.run(whole(program, forms, former));
        } catch (NftablesException e) {
            if (former.chains().isEmpty()) {
                throw e;
            }
            // Those of an earlier version may be of a form that can't be changed.
            Script anew = new Script();
            former.remove(anew);
            table.run(anew.text() + whole(program, forms, NftablesTable.Names.NONE));
        }
    }

    /**
     * Commands that put a program in the place of what is there. Chains and verdict maps stay and are emptied: a packet
     * that is under way in the former rules finds in a map what is in force by then, in one that went with its rules
     * nothing, and in a chain the former rules.
     */
    private String whole(PolicyProgram program, Map<SetId, AddressSet.Form> forms, NftablesTable.Names former) {
        Script commands = new Script();
        former.chains().forEach(commands::flushChain);
        former.maps().forEach(commands::flushMap);
        former.sets().forEach(commands::deleteSet);
        script.base(commands);
        List<Element> elements = new ArrayList<>();
        for (AddressSet set : program.sets().values()) {
            script.set(commands, set);
            elements.addAll(members(set.id(), set.form(), set.members()));
        }
        commands.addElements(elements);
        Set<String> wanted = new HashSet<>(PolicyScript.CHAINS);
        for (PodProgram pod : program.pods().values()) {
            addChains(commands, pod);
            wanted.addAll(chains(pod));
        }
        for (PodProgram pod : program.pods().values()) {
            addRules(commands, pod, id -> form(forms, id));
            commands.addElements(dispatch(pod));
        }
        former.chains().stream().filter(chain -> !wanted.contains(chain)).forEach(commands::deleteChain);
        former.maps().stream().filter(map -> !PolicyScript.isMap(map)).forEach(commands::deleteMap);
        return commands.text();
    }

    @Override
    public void apply(PolicyChange change) {
        if (!known) {
            throw new PolicyBackendException(
                    "it is not known what is in force; the whole program has to be put in force first");
        }
        if (change.isEmpty()) {
            return;
        }
        attempt("change the program in force", () -> {
            List<Element> removed = new ArrayList<>();
            List<Element> added = new ArrayList<>();
            change.changedSets().forEach((id, members) -> {
                AddressSet.Form form = form(sets, id);
                removed.addAll(members(id, form, members.removed()));
                added.addAll(members(id, form, members.added()));
            });
            Script before = new Script();
            Script after = new Script();
            for (AddressSet set : change.addedSets()) {
                script.set(before, set);
                added.addAll(members(set.id(), set.form(), set.members()));
            }
            Map<SetId, AddressSet.Form> formsAfter = new HashMap<>(sets);
            change.addedSets().forEach(set -> formsAfter.put(set.id(), set.form()));
            for (PodProgram pod : change.programs()) {
                Optional<PodProgram> old =
                        Optional.ofNullable(pods.get(pod.endpoint().hostInterface()));
                replaceChains(before, after, old, pod, id -> form(formsAfter, id));
                List<Element> now = dispatch(pod);
                List<Element> then = old.map(NftablesBackend::dispatch).orElse(List.of());
                added.addAll(without(now, then));
                removed.addAll(without(then, now));
            }
            for (var endpoint : change.removedPods()) {
                PodProgram old = pods.get(endpoint.hostInterface());
                if (old != null) {
                    removed.addAll(dispatch(old));
                    removeChains(after, chains(old));
                }
            }
            for (SetId set : change.removedSets()) {
                for (IpFamily family : IpFamily.values()) {
                    after.deleteSet(Element.setName(PolicyScript.setName(set), family));
                }
            }
            if (before.isEmpty() && after.isEmpty()) {
                table.change(removed, added);
            } else {
                String commands = before.text() + Script.elements(removed, added) + after.text();
                Set<String> chains = new HashSet<>(before.chains());
                chains.addAll(after.chains());
                rules = NftablesTable.afterChange(rules, written(() -> table.run(commands)), Part::chain, chains);
            }
            change.addedSets().forEach(set -> sets.put(set.id(), set.form()));
            change.removedSets().forEach(sets::remove);
            change.removedPods().forEach(endpoint -> pods.remove(endpoint.hostInterface()));
            change.programs().forEach(pod -> pods.put(pod.endpoint().hostInterface(), pod));
        });
    }

    private static AddressSet.Form form(Map<SetId, AddressSet.Form> sets, SetId id) {
        AddressSet.Form form = sets.get(id);
        if (form == null) {
            throw new PolicyBackendException("the program refers to the unknown set " + id);
        }
        return form;
    }

    private void attempt(String what, Runnable work) {
        known = false;
        try {
            work.run();
        } catch (NftablesException e) {
            throw new PolicyBackendException("nftables could not " + what + ": " + e.getMessage(), e);
        }
        known = true;
    }

    private static List<Element> members(SetId id, AddressSet.Form form, Set<SetMember> members) {
        return members.stream()
                .map(member -> Element.member(form, PolicyScript.setName(id), member))
                .sorted(Comparator.comparing(Element::set))
                .toList();
    }

    private static List<Element> without(List<Element> elements, List<Element> others) {
        Set<String> texts = new HashSet<>();
        others.forEach(other -> texts.add(other.set() + " " + other.text()));
        return elements.stream()
                .filter(element -> !texts.contains(element.set() + " " + element.text()))
                .toList();
    }

    /** Where the verdict maps send an endpoint's packets, and whose its addresses are. */
    private static List<Element> dispatch(PodProgram pod) {
        List<Element> elements = new ArrayList<>();
        InterfaceName name = pod.endpoint().hostInterface();
        for (IpAddress address : pod.endpoint().addresses()) {
            elements.add(Element.endpoint(PolicyScript.ENDPOINTS, name, address));
        }
        for (Direction direction : DIRECTIONS) {
            Optional<String> chain = PolicyScript.firstChain(pod, direction);
            String map = switch (direction) {
                case INGRESS -> PolicyScript.TO;
                case EGRESS -> PolicyScript.FROM;
            };
            for (IpAddress address : pod.endpoint().addresses()) {
                elements.add(Element.dispatch(map, name, address, new Element.Verdict(chain)));
            }
        }
        return elements;
    }

    private List<String> chains(PodProgram pod) {
        List<String> chains = new ArrayList<>();
        DIRECTIONS.forEach(direction -> chains.addAll(script.chains(pod, direction)));
        return chains;
    }

    private void addChains(Script commands, PodProgram pod) {
        chains(pod).forEach(commands::addChain);
    }

    private void addRules(Script commands, PodProgram pod, Function<SetId, AddressSet.Form> forms) {
        DIRECTIONS.forEach(direction -> script.rules(commands, pod, direction, forms));
    }

    private void replaceChains(
            Script before,
            Script after,
            Optional<PodProgram> old,
            PodProgram pod,
            Function<SetId, AddressSet.Form> forms) {
        boolean sameRules = old.filter(o -> o.ingress().equals(pod.ingress())
                        && o.egress().equals(pod.egress())
                        && o.endpoint().addresses().equals(pod.endpoint().addresses()))
                .isPresent();
        if (sameRules) {
            return;
        }
        Set<String> present = new LinkedHashSet<>(old.map(this::chains).orElse(List.of()));
        Set<String> wanted = new LinkedHashSet<>(chains(pod));
        wanted.stream().filter(chain -> !present.contains(chain)).forEach(before::addChain);
        // Somebody else may have made a new one of this name before, with rules.
        wanted.forEach(before::flushChain);
        addRules(before, pod, forms);
        removeChains(
                after, present.stream().filter(chain -> !wanted.contains(chain)).toList());
    }

    private static void removeChains(Script commands, List<String> chains) {
        chains.forEach(commands::flushChain);
        chains.forEach(commands::deleteChain);
    }

    /** Makes a change, and returns what is in force then; nothing of it where nobody else can change that. */
    private Optional<Set<Part>> written(Runnable change) {
        if (table.isProtected()) {
            change.run();
            return Optional.of(Set.of());
        }
        return table.readBack(change, this::listRules);
    }

    @Override
    public List<String> audit(PolicyProgram program) {
        if (!known) {
            return List.of("it is not known what is in force");
        }
        try {
            if (!table.isPresent()) {
                return List.of("the table inet " + NftablesTable.NAME + " is gone");
            }
            if (table.isProtected()) {
                // Nobody else can have changed it.
                return List.of();
            }
            if (rules.isEmpty()) {
                return List.of(NftablesTable.UNCERTAIN);
            }
            List<String> differences = new ArrayList<>();
            Set<String> intended = texts(rules.get());
            Set<String> present = texts(listRules());
            if (present.isEmpty()) {
                differences.add("the table inet " + NftablesTable.NAME + " is empty");
            }
            missing(intended, present, "is gone", differences);
            missing(present, intended, "is not Ikat's", differences);
            Set<String> elements = listElements();
            Set<String> wanted = new HashSet<>();
            program.sets()
                    .forEach((id, set) -> members(id, set.form(), set.members())
                            .forEach(element -> wanted.add(Listing.text(element))));
            program.pods().values().forEach(pod -> dispatch(pod).forEach(e -> wanted.add(Listing.text(e))));
            missing(wanted, elements, "is gone", differences);
            missing(elements, wanted, "is not Ikat's", differences);
            return differences;
        } catch (NftablesException e) {
            throw new PolicyBackendException("nftables could not read what is in force: " + e.getMessage(), e);
        }
    }

    @Override
    public boolean isUntouched() {
        return known && table.isProtected();
    }

    private static void missing(Set<String> from, Set<String> in, String what, List<String> differences) {
        for (String text : new TreeSet<>(from)) {
            if (!in.contains(text)) {
                differences.add(text + " " + what);
            }
        }
    }

    private static Set<String> texts(Set<Part> parts) {
        return parts.stream().map(Part::text).collect(Collectors.toSet());
    }

    /** Chains and rules; the kernel gives a rule that is altered another handle. */
    private Set<Part> listRules() {
        Set<Part> present = new HashSet<>();
        for (JsonNode object : table.list("list chains inet\nlist table inet " + NftablesTable.NAME)) {
            JsonNode rule = object.path("rule");
            JsonNode chain = object.path("chain");
            String ruled = rule.path("chain").asText();
            String name = chain.path("name").asText();
            if (!rule.isMissingNode() && Owner.POLICY.owns(ruled)) {
                present.add(new Part(ruled, "rule " + rule.path("handle").asLong() + " of chain " + ruled));
            } else if (chain.path("table").asText().equals(NftablesTable.NAME) && Owner.POLICY.owns(name)) {
                present.add(new Part(
                        name,
                        "chain " + name + " with policy " + chain.path("policy").asText("none")));
            }
        }
        return present;
    }

    private Set<String> listElements() {
        Set<String> elements = new HashSet<>();
        for (JsonNode object : table.list("list table inet " + NftablesTable.NAME)) {
            for (String kind : List.of("set", "map")) {
                JsonNode set = object.path(kind);
                if (!set.isMissingNode() && Owner.POLICY.owns(set.path("name").asText())) {
                    elements.addAll(Listing.texts(set));
                }
            }
        }
        return elements;
    }

    @Override
    public void remove() {
        known = false;
        pods.clear();
        sets.clear();
        try {
            table.remove(Owner.POLICY);
        } catch (NftablesException e) {
            throw new PolicyBackendException("nftables could not remove the program: " + e.getMessage(), e);
        }
    }

    /** Forgets what is in force; whoever opened the table closes it. */
    @Override
    public void close() {
        known = false;
    }
}
