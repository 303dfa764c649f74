package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Ikat's chains in one table of one family, and the rule that leads to them, the first of a chain of the kernel's. Each
 * change of them is one commit.
 */
final class Rules {
    private static final String WAIT_SECONDS = "10";

    private final Programs programs;
    private final IptablesVariant variant;
    private final IpFamily family;
    private final String table;
    private final String hook;
    private final String entry;
    /** The rules by their chains as they were written, and everything as the kernel's program lists it. */
    private Map<String, List<String>> chains = Map.of();

    private Set<String> listed = Set.of();

    private Rules(
            Programs programs, IptablesVariant variant, IpFamily family, String table, String hook, String entry) {
        this.programs = programs;
        this.variant = variant;
        this.family = family;
        this.table = table;
        this.hook = hook;
        this.entry = entry;
    }

    /** Those about what is forwarded. */
    static Rules filter(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(programs, variant, family, "filter", "FORWARD", Chains.FORWARD);
    }

    /** Those about what leaves, and as whose. */
    static Rules nat(Programs programs, IptablesVariant variant, IpFamily family) {
        return new Rules(programs, variant, family, "nat", "POSTROUTING", Chains.MASQUERADE);
    }

    /** Whether a chain is in any table that there is; to name a table would make it. */
    static boolean anywhere(Programs programs, IptablesVariant variant, String chain) {
        try {
            for (IpFamily family : IpFamily.values()) {
                if (programs.run("", variant.program(family, "save")).contains(":" + chain + " ")) {
                    return true;
                }
            }
            return false;
        } catch (IptablesException e) {
            // A host without iptables has none.
            return false;
        }
    }

    IpFamily family() {
        return family;
    }

    /** The chains as they were last written. */
    Map<String, List<String>> written() {
        return chains;
    }

    /** All of the table, as {@code iptables-save} prints it. */
    String save() {
        return programs.run("", variant.program(family, "save"), "-t", table);
    }

    /** Makes these the only chains of Ikat's, and the first rule of the kernel's chain the one that leads to them. */
    void replace(Map<String, List<String>> wanted) {
        String saved = save();
        List<String> gone =
                own(saved).filter(chain -> !wanted.containsKey(chain)).toList();
        restore(jumps(saved), wanted, gone);
        chains = wanted;
    }

    private static java.util.stream.Stream<String> own(String saved) {
        return saved.lines()
                .filter(line -> line.startsWith(":" + Chains.PREFIX))
                .map(line -> line.substring(1, line.indexOf(' ')));
    }

    private String jump() {
        return "-A " + hook + " -j " + entry;
    }

    private List<String> jumps(String saved) {
        List<String> others = saved.lines()
                .filter(line -> line.startsWith("-A " + hook + " "))
                .toList();
        long jumps = others.stream().filter(jump()::equals).count();
        if (jumps == 1 && others.getFirst().equals(jump())) {
            return List.of();
        }
        List<String> commands = new ArrayList<>();
        for (int i = 0; i < jumps; i++) {
            commands.add("-D " + hook + " -j " + entry);
        }
        commands.add("-I " + hook + " 1 -j " + entry);
        return commands;
    }

    /** Writes what is different; whether anything was. */
    boolean change(Map<String, List<String>> wanted) {
        Map<String, List<String>> written = new LinkedHashMap<>(wanted);
        written.entrySet().removeIf(chain -> chain.getValue().equals(chains.get(chain.getKey())));
        Set<String> gone = new TreeSet<>(chains.keySet());
        gone.removeAll(wanted.keySet());
        restore(List.of(), written, gone);
        chains = wanted;
        return !written.isEmpty() || !gone.isEmpty();
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

    /** What is there now is how it should be. */
    void remember() {
        listed = listing(save());
    }

    /** Adds a line for each difference to what was remembered. */
    void audit(List<String> differences) {
        Set<String> present = listing(save());
        String where = variant.program(family, "save") + ": ";
        listed.stream()
                .filter(line -> !present.contains(line))
                .forEach(line -> differences.add(where + line + " is gone"));
        present.stream()
                .filter(line -> !listed.contains(line))
                .forEach(line -> differences.add(where + line + " is not Ikat's"));
    }

    /** Ikat's part of it, without counters; the order within a chain is a part of it. */
    private Set<String> listing(String saved) {
        Set<String> lines = new TreeSet<>();
        own(saved).forEach(chain -> lines.add("chain " + chain));
        Map<String, Integer> numbers = new HashMap<>();
        List<String> others = new ArrayList<>();
        for (String line : saved.lines().toList()) {
            if (line.startsWith("-A " + Chains.PREFIX)) {
                String chain = line.substring(3, line.indexOf(' ', 3));
                lines.add("rule " + numbers.merge(chain, 1, Integer::sum) + " " + line);
            } else if (line.startsWith("-A " + hook + " ")) {
                others.add(line);
            }
        }
        if (!others.isEmpty() && others.getFirst().equals(jump())) {
            lines.add("first rule " + jump());
        }
        return lines;
    }

    /** Takes all of Ikat's out of it. */
    void remove() {
        String saved = save();
        List<String> jumps = saved.lines()
                .filter(jump()::equals)
                .map(_ -> "-D " + hook + " -j " + entry)
                .toList();
        restore(jumps, Map.of(), own(saved).toList());
        chains = Map.of();
        listed = Set.of();
    }
}
