package dev.ikat.iptables;

import dev.ikat.dataplane.FilterTable;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Ikat's chains in one table of one family, and the rules that lead to them from chains of the kernel's. Each change of
 * them is one commit.
 */
final class Rules {
    private static final String WAIT_SECONDS = "10";

    private final Programs programs;
    private final IptablesVariant variant;
    private final IpFamily family;
    private final String table;
    /** Whether a chain of this name is one of these. */
    private final Predicate<String> owned;

    private final List<Entry> entries;
    /** The rules by their chains as they were written, which is also how {@code iptables-save} prints them. */
    private Map<String, List<String>> chains = Map.of();

    /** The place in a chain of the kernel's of the rule that leads to one of Ikat's. */
    private enum Place {
        /** Before everything, also what is Ikat's. */
        FOREMOST,
        /** Before the rules of all others. */
        FIRST,
        /** After the rules of others, but before any that refuses whatever is left. */
        BEFORE_REFUSAL
    }

    /** Where packets come from a chain of the kernel's to one of Ikat's. */
    private record Entry(String hook, String chain, Place place) {
        Entry(String hook, String chain) {
            this(hook, chain, Place.FIRST);
        }

        String jump() {
            return "-A " + hook + " -j " + chain;
        }

        String removal() {
            return "-D " + hook + " -j " + chain;
        }
    }

    private Rules(
            Programs programs,
            IptablesVariant variant,
            IpFamily family,
            String table,
            Predicate<String> owned,
            List<Entry> entries) {
        this.programs = programs;
        this.variant = variant;
        this.family = family;
        this.table = table;
        this.owned = owned;
        this.entries = entries;
    }

    /** Whether a chain is Ikat's, but none of those with a prefix of their own, which are in the same tables. */
    private static boolean isOthers(String chain) {
        return chain.startsWith(Chains.PREFIX)
                && !GuardChains.owns(chain)
                && !IptablesAcceptance.owns(chain)
                && !ServiceChains.owns(chain);
    }

    /** Those about what is forwarded. */
    static Rules filter(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(
                programs, variant, family, "filter", Rules::isOthers, List.of(new Entry("FORWARD", Chains.FORWARD)));
    }

    /** Those about what leaves, and as whose. */
    static Rules nat(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(
                programs,
                variant,
                family,
                "nat",
                Rules::isOthers,
                List.of(new Entry("POSTROUTING", Chains.MASQUERADE)));
    }

    /** Those about where packets come from. */
    static Rules raw(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(
                programs,
                variant,
                family,
                "raw",
                GuardChains::owns,
                List.of(new Entry("PREROUTING", GuardChains.SOURCES)));
    }

    /** Those about what goes to the nodes' tunnels, beside those about what is forwarded. */
    static Rules tunnels(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(
                programs,
                variant,
                family,
                "filter",
                GuardChains::owns,
                List.of(new Entry("INPUT", GuardChains.ARRIVING), new Entry("FORWARD", GuardChains.PASSING)));
    }

    /** Those that accept, for the host's own firewall. */
    static Rules acceptance(Programs programs, IptablesVariant variant, IpFamily family) {
        List<Entry> entries = IptablesAcceptance.HOOKS.stream()
                .map(hook -> new Entry(hook, IptablesAcceptance.chain(hook), Place.BEFORE_REFUSAL))
                .toList();
        return new Rules(programs, variant, family, "filter", IptablesAcceptance::owns, entries);
    }

    /** Those that translate what goes to services. */
    static Rules translation(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(
                programs,
                variant,
                family,
                "nat",
                ServiceChains::owns,
                List.of(
                        new Entry("PREROUTING", ServiceChains.TRANSLATE, Place.FOREMOST),
                        new Entry("OUTPUT", ServiceChains.TRANSLATE, Place.FOREMOST),
                        new Entry("POSTROUTING", ServiceChains.LEAVING, Place.FOREMOST)));
    }

    /** Those that refuse what services do not serve, before policies leave it without an answer. */
    static Rules refusal(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(
                programs,
                variant,
                family,
                "filter",
                ServiceChains::owns,
                List.of(
                        new Entry("FORWARD", ServiceChains.PASSING, Place.FOREMOST),
                        new Entry("OUTPUT", ServiceChains.PASSING, Place.FOREMOST),
                        new Entry("INPUT", ServiceChains.ARRIVING, Place.FOREMOST)));
    }

    IpFamily family() {
        return family;
    }

    /** The chains as they were last written. */
    Map<String, List<String>> written() {
        return chains;
    }

    /** The table, as {@code iptables-save} prints it, if it exists; asking does not create it. */
    Optional<String> present() {
        if (variant == IptablesVariant.LEGACY) {
            // Without a table's name it would list all of them, of which nat may be large.
            String names = switch (family) {
                case IPV4 -> "/proc/self/net/ip_tables_names";
                case IPV6 -> "/proc/self/net/ip6_tables_names";
            };
            return programs.run("", "cat", names).lines().anyMatch(table::equals)
                    ? Optional.of(save())
                    : Optional.empty();
        }
        String all = programs.run("", variant.program(family, "save"));
        int start = all.indexOf("*" + table + "\n");
        return start < 0 ? Optional.empty() : Optional.of(all.substring(start, all.indexOf("\nCOMMIT", start)));
    }

    /** The table with this content, for those who don't know iptables' variants. */
    FilterTable described(String saved) {
        return new FilterTable(variant.program(family), family, saved);
    }

    /** All of the table, as {@code iptables-save} prints it. */
    String save() {
        return programs.run("", variant.program(family, "save"), "-t", table);
    }

    /**
     * Makes these the only chains of Ikat's, and the first rule of the kernel's chain the one that leads to them.
     *
     * @return what puts back the chains that were there
     */
    Runnable replace(Map<String, List<String>> wanted) {
        String saved = save();
        Map<String, List<String>> found = parse(saved);
        List<String> jumps = jumps(saved);
        restore(jumps, wanted, without(found, wanted));
        chains = wanted;
        List<String> removals = entries.stream()
                .filter(entry -> saved.lines().noneMatch(entry.jump()::equals))
                .map(Entry::removal)
                .toList();
        return () -> restore(removals, found, without(wanted, found));
    }

    private static Set<String> without(Map<String, List<String>> chains, Map<String, List<String>> others) {
        Set<String> names = new TreeSet<>(chains.keySet());
        names.removeAll(others.keySet());
        return names;
    }

    /** Ikat's chains and their rules. */
    private Map<String, List<String>> parse(String saved) {
        Map<String, List<String>> found = new TreeMap<>();
        own(saved).forEach(chain -> found.put(chain, new ArrayList<>()));
        saved.lines().filter(line -> line.startsWith("-A " + Chains.PREFIX)).forEach(line -> {
            String[] words = line.split(" ", 3);
            if (owned.test(words[1])) {
                found.computeIfAbsent(words[1], _ -> new ArrayList<>()).add(words.length < 3 ? "" : words[2]);
            }
        });
        return found;
    }

    private Stream<String> own(String saved) {
        return saved.lines()
                .filter(line -> line.startsWith(":" + Chains.PREFIX))
                .map(line -> line.substring(1, line.indexOf(' ')))
                .filter(owned);
    }

    private List<String> jumps(String saved) {
        List<String> commands = new ArrayList<>();
        for (Entry entry : entries) {
            if (!isInPlace(entry, saved)) {
                saved.lines().filter(entry.jump()::equals).forEach(_ -> commands.add(entry.removal()));
                long number = switch (entry.place()) {
                    case FOREMOST -> 1;
                    case FIRST -> 1 + foremost(entry.hook(), saved);
                    case BEFORE_REFUSAL -> Refusals.in(saved).place(entry.hook(), entry.chain()) + 1;
                };
                commands.add("-I " + entry.hook() + " " + number + " -j " + entry.chain());
            }
        }
        return commands;
    }

    private static boolean isInPlace(Entry entry, String saved) {
        return switch (entry.place()) {
            case FOREMOST -> isForemost(entry, saved);
            case FIRST -> isFirst(entry, saved);
            case BEFORE_REFUSAL -> Refusals.in(saved).admits(entry.hook(), entry.chain());
        };
    }

    /** How many jumps a chain of the kernel's begins with that have to stay before all others. */
    private static long foremost(String hook, String saved) {
        return saved.lines()
                .filter(line -> line.startsWith("-A " + hook + " "))
                .takeWhile(line -> line.startsWith("-A " + hook + " -j " + ServiceChains.PREFIX))
                .count();
    }

    private static boolean isForemost(Entry entry, String saved) {
        List<String> rules = saved.lines()
                .filter(line -> line.startsWith("-A " + entry.hook() + " "))
                .toList();
        return rules.stream().filter(entry.jump()::equals).count() == 1
                && rules.getFirst().equals(entry.jump());
    }

    /** Whether the way to Ikat's chain is there once, and nothing but others of Ikat's before it. */
    private static boolean isFirst(Entry entry, String saved) {
        List<String> rules = saved.lines()
                .filter(line -> line.startsWith("-A " + entry.hook() + " "))
                .filter(line ->
                        line.equals(entry.jump()) || !line.startsWith("-A " + entry.hook() + " -j " + Chains.PREFIX))
                .toList();
        return rules.stream().filter(entry.jump()::equals).count() == 1
                && rules.getFirst().equals(entry.jump());
    }

    /**
     * Writes what is different.
     *
     * @return what puts back the chains that were there
     */
    Runnable change(Map<String, List<String>> wanted) {
        Map<String, List<String>> before = chains;
        write(before, wanted);
        chains = wanted;
        return () -> write(wanted, before);
    }

    private void write(Map<String, List<String>> before, Map<String, List<String>> after) {
        Map<String, List<String>> written = new LinkedHashMap<>(after);
        written.entrySet().removeIf(chain -> chain.getValue().equals(before.get(chain.getKey())));
        restore(List.of(), written, without(before, after));
    }

    private void restore(List<String> more, Map<String, List<String>> written, Collection<String> gone) {
        if (more.isEmpty() && written.isEmpty() && gone.isEmpty()) {
            return;
        }
        StringBuilder input = new StringBuilder("*" + table + "\n");
        // Naming a chain empties it, or makes it.
        written.keySet().forEach(chain -> input.append(':').append(chain).append(" - [0:0]\n"));
        written.forEach((chain, rules) -> rules.forEach(rule ->
                input.append("-A ").append(chain).append(' ').append(rule).append('\n')));
        more.forEach(command -> input.append(command).append('\n'));
        gone.forEach(chain -> input.append("-F ").append(chain).append('\n'));
        gone.forEach(chain -> input.append("-X ").append(chain).append('\n'));
        programs.run(
                input.append("COMMIT\n").toString(),
                variant.program(family, "restore"),
                "--noflush",
                "--wait",
                WAIT_SECONDS);
    }

    /** Adds a line for each difference to what was written. */
    void audit(List<String> differences) {
        audit(save(), chains, differences);
    }

    /**
     * Adds a line for each difference of a table to what it should be.
     *
     * @param saved the table, as {@code iptables-save} prints it
     * @param chains Ikat's chains that should be there
     */
    void audit(String saved, Map<String, List<String>> chains, List<String> differences) {
        Map<String, List<String>> present = parse(saved);
        String where = variant.program(family, "save") + ": ";
        entries.stream()
                .filter(entry -> !isInPlace(entry, saved))
                .forEach(entry -> differences.add(where
                        + entry.hook()
                        + switch (entry.place()) {
                            case FOREMOST, FIRST -> " does not begin with the only jump to ";
                            case BEFORE_REFUSAL -> " refuses before the only jump to ";
                        }
                        + entry.chain()));
        chains.forEach((chain, rules) -> {
            List<String> found = present.get(chain);
            if (found == null) {
                differences.add(where + "the chain " + chain + " is gone");
            } else if (!found.equals(rules)) {
                differences.add(where + "the chain " + chain + " " + difference(found, rules));
            }
        });
        without(present, chains).forEach(chain -> differences.add(where + "the chain " + chain + " is not Ikat's"));
    }

    private static String difference(List<String> found, List<String> rules) {
        int same = 0;
        while (same < found.size() && same < rules.size() && found.get(same).equals(rules.get(same))) {
            same++;
        }
        return "has \"%s\", but should have \"%s\""
                .formatted(
                        same < found.size() ? found.get(same) : "nothing",
                        same < rules.size() ? rules.get(same) : "nothing");
    }

    /** Takes all of Ikat's out of it. */
    void remove() {
        String saved = save();
        List<String> jumps = new ArrayList<>();
        entries.forEach(entry -> saved.lines().filter(entry.jump()::equals).forEach(_ -> jumps.add(entry.removal())));
        restore(jumps, Map.of(), own(saved).toList());
        chains = Map.of();
    }

    @Override
    public String toString() {
        return variant.program(family, table);
    }
}
