package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.PodProgram;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/** Ikat's chains in the filter table of one family: each change of them is one commit of the kernel's. */
final class FilterTable {
    private static final String JUMP = "-A FORWARD -j " + Chains.FORWARD;
    private static final String WAIT_SECONDS = "10";

    private final Programs programs;
    private final IptablesVariant variant;
    private final IpFamily family;
    private final Chains text;
    /** The rules by their chains as they were written, and everything as the kernel's program lists it. */
    private Map<String, List<String>> chains = Map.of();

    private Set<String> listed = Set.of();

    FilterTable(Programs programs, IptablesVariant variant, IpFamily family, OptionalInt logGroup) {
        this.programs = programs;
        this.variant = variant;
        this.family = family;
        this.text = new Chains(family, logGroup);
    }

    /** All of the table, as {@code iptables-save} prints it. */
    String save() {
        return programs.run("", variant.program(family, "save"), "-t", "filter");
    }

    /** The chains of a whole program. */
    Map<String, List<String>> chains(Collection<PodProgram> pods, SetNames sets) {
        Map<String, List<String>> all = new LinkedHashMap<>(text.shared(pods));
        pods.forEach(pod -> all.putAll(text.own(pod, sets)));
        return all;
    }

    /** The chains after some endpoints' programs have changed. */
    Map<String, List<String>> chains(
            Collection<PodProgram> all, List<PodProgram> leaving, List<PodProgram> coming, SetNames sets) {
        Map<String, List<String>> wanted = new LinkedHashMap<>(chains);
        for (PodProgram pod : leaving) {
            String suffix = "-" + pod.endpoint().hostInterface();
            wanted.keySet().removeIf(chain -> chain.endsWith(suffix) || chain.contains(suffix + "-"));
        }
        // Branches of the trees may come and go too; the names of all others have no plus sign.
        wanted.keySet().removeIf(chain -> chain.endsWith("+"));
        wanted.putAll(text.shared(all));
        coming.forEach(pod -> wanted.putAll(text.own(pod, sets)));
        return wanted;
    }

    /** Makes these the only chains of Ikat's, and the first rule of FORWARD the one that leads to them. */
    void replace(Map<String, List<String>> wanted) {
        String saved = save();
        List<String> gone =
                own(saved).filter(chain -> !wanted.containsKey(chain)).toList();
        restore(jump(saved), wanted, gone);
        chains = wanted;
    }

    private static java.util.stream.Stream<String> own(String saved) {
        return saved.lines()
                .filter(line -> line.startsWith(":" + Chains.PREFIX))
                .map(line -> line.substring(1, line.indexOf(' ')));
    }

    private static List<String> jump(String saved) {
        List<String> forward =
                saved.lines().filter(line -> line.startsWith("-A FORWARD ")).toList();
        long jumps = forward.stream().filter(JUMP::equals).count();
        if (jumps == 1 && forward.getFirst().equals(JUMP)) {
            return List.of();
        }
        List<String> commands = new ArrayList<>();
        for (int i = 0; i < jumps; i++) {
            commands.add("-D FORWARD -j " + Chains.FORWARD);
        }
        commands.add("-I FORWARD 1 -j " + Chains.FORWARD);
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
        StringBuilder input = new StringBuilder("*filter\n");
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
    private static Set<String> listing(String saved) {
        Set<String> lines = new TreeSet<>();
        own(saved).forEach(chain -> lines.add("chain " + chain));
        Map<String, Integer> numbers = new HashMap<>();
        List<String> forward = new ArrayList<>();
        for (String line : saved.lines().toList()) {
            if (line.startsWith("-A " + Chains.PREFIX)) {
                String chain = line.substring(3, line.indexOf(' ', 3));
                lines.add("rule " + numbers.merge(chain, 1, Integer::sum) + " " + line);
            } else if (line.startsWith("-A FORWARD ")) {
                forward.add(line);
            }
        }
        if (!forward.isEmpty() && forward.getFirst().equals(JUMP)) {
            lines.add("first rule " + JUMP);
        }
        return lines;
    }

    /** Takes all of Ikat's out of it. */
    void remove() {
        String saved = save();
        List<String> jumps = saved.lines()
                .filter(JUMP::equals)
                .map(_ -> "-D FORWARD -j " + Chains.FORWARD)
                .toList();
        restore(jumps, Map.of(), own(saved).toList());
        chains = Map.of();
        listed = Set.of();
    }
}
