package dev.ikat.iptables;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The ipsets of one capability in the kernel, which are known by their names. */
final class OwnSets {
    /** A set to which nothing refers, in the words of {@code ipset list}. */
    private static final Pattern UNUSED = Pattern.compile("(?m)^Name: (\\S+)\n(?:.+\n)*?References: 0$");

    private final Programs programs;
    private final Pattern names;

    /** @param names what their names look like, and nobody else's */
    OwnSets(Programs programs, String names) {
        this.programs = programs;
        this.names = Pattern.compile(names);
    }

    /** The names of those that there are. */
    Set<String> names() {
        return programs.run("", "ipset", "list", "-name")
                .lines()
                .filter(name -> names.matcher(name).matches())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** What is in each of them, as ipset writes it. */
    Map<String, Set<String>> contents() {
        return Sets.parse(programs.run("", "ipset", "save"), names.pattern());
    }

    /** Adds a line for each difference between what should be in sets and what is. */
    static void compare(Map<String, Set<String>> wanted, Map<String, Set<String>> present, List<String> differences) {
        Set<String> should = flat(wanted);
        Set<String> are = flat(present);
        should.stream()
                .filter(line -> !are.contains(line))
                .forEach(line -> differences.add("ipset: " + line + " is gone"));
        are.stream()
                .filter(line -> !should.contains(line))
                .forEach(line -> differences.add("ipset: " + line + " is not Ikat's"));
    }

    private static Set<String> flat(Map<String, Set<String>> sets) {
        Set<String> lines = new TreeSet<>();
        sets.forEach((name, entries) -> {
            lines.add("set " + name);
            entries.forEach(entry -> lines.add(entry + " in " + name));
        });
        return lines;
    }

    /** Carries out these commands. */
    void restore(StringBuilder commands) {
        if (!commands.isEmpty()) {
            programs.run(commands.toString(), "ipset", "restore");
        }
    }

    /** Carries out these commands that add members, which may be there already: then only their times change. */
    void add(StringBuilder commands) {
        if (!commands.isEmpty()) {
            programs.run(commands.toString(), "ipset", "-exist", "restore");
        }
    }

    /** Removes those with these names, to which no rule refers any more. */
    void destroy(Collection<String> names) {
        destroy(programs, names);
    }

    /**
     * Removes sets to which no rule refers any more. As one variant of iptables takes over from the other, some are in
     * use by the other's rules; these are left, and go with those.
     */
    static void destroy(Programs programs, Collection<String> names) {
        if (names.isEmpty()) {
            return;
        }
        try {
            programs.run(destruction(names), "ipset", "restore");
        } catch (IptablesException e) {
            Set<String> unused = unused(programs);
            if (unused.containsAll(names)) {
                throw e;
            }
            unused.retainAll(names);
            programs.run(destruction(unused), "ipset", "restore");
        }
    }

    private static String destruction(Collection<String> names) {
        StringBuilder commands = new StringBuilder();
        names.forEach(name -> commands.append("destroy ").append(name).append('\n'));
        return commands.toString();
    }

    private static Set<String> unused(Programs programs) {
        Set<String> unused = new TreeSet<>();
        Matcher set = UNUSED.matcher(programs.run("", "ipset", "list", "-terse"));
        while (set.find()) {
            unused.add(set.group(1));
        }
        return unused;
    }

    /**
     * Does the steps, or takes back those that were done.
     *
     * @param made the sets that the steps make, which go when the steps fail
     * @param members commands that put back the members of the others
     * @param steps given where to put what takes back each step on the rules
     */
    void allOrNothing(Set<String> made, StringBuilder members, Consumer<List<Runnable>> steps) {
        List<Runnable> undo = new ArrayList<>();
        try {
            steps.accept(undo);
        } catch (IptablesException failure) {
            try {
                undo.reversed().forEach(Runnable::run);
                if (!members.isEmpty()) {
                    programs.run(members.toString(), "ipset", "-exist", "restore");
                }
                Set<String> left = names();
                left.retainAll(made);
                destroy(left);
            } catch (IptablesException second) {
                failure.addSuppressed(second);
            }
            throw failure;
        }
    }
}
