package dev.ikat.agent.migrate;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the rules of packet filters: chains of both variants of iptables, tables of nftables, and ipsets. */
final class LeftRules {
    private static final List<String> PROGRAMS =
            List.of("iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy");
    private static final Pattern TARGET = Pattern.compile(" -[jg] (\\S+)");

    private final HostCommands commands;
    private final Consumer<String> notes;

    /** @param notes is told what could not be looked at */
    LeftRules(HostCommands commands, Consumer<String> notes) {
        this.commands = commands;
        this.notes = notes;
    }

    List<Leftover> find(FormerNetwork former) {
        List<Leftover> found = new ArrayList<>();
        for (String program : PROGRAMS) {
            // Names no table: those that are not there do not come into being.
            tables(list(program + "-save"))
                    .forEach((table, lines) ->
                            inTable(former, program, table, lines).ifPresent(found::add));
        }
        if (!former.traces.tables.isEmpty()) {
            List<String> present = list("nft", "list", "tables");
            for (String table : former.traces.tables) {
                if (present.contains("table " + table)) {
                    found.add(Leftover.removable(
                            "nftables table '" + table + "'",
                            () -> commands.run("delete table " + table + "\n", "nft", "-f", "-")));
                }
            }
        }
        if (former.traces.hasSets()) {
            for (String set : list("ipset", "list", "-n")) {
                if (former.traces.sets.matcher(set).matches()) {
                    found.add(Leftover.removable("ipset " + set, () -> commands.run("", "ipset", "destroy", set)));
                }
            }
        }
        return found;
    }

    private List<String> list(String... command) {
        try {
            return commands.run("", command).lines().toList();
        } catch (MissingProgramException e) {
            notes.accept(e.getMessage() + " here, so nothing of it was looked for");
        } catch (IOException e) {
            notes.accept("nothing was looked for by " + command[0] + ", because " + e.getMessage());
        }
        return List.of();
    }

    private static Map<String, List<String>> tables(List<String> lines) {
        Map<String, List<String>> tables = new LinkedHashMap<>();
        List<String> current = new ArrayList<>();
        for (String line : lines) {
            if (line.startsWith("*")) {
                current = tables.computeIfAbsent(line.substring(1), _ -> new ArrayList<>());
            } else {
                current.add(line);
            }
        }
        return tables;
    }

    private Optional<Leftover> inTable(FormerNetwork former, String program, String table, List<String> lines) {
        List<String> chains = new ArrayList<>();
        List<String> rules = new ArrayList<>();
        for (String line : lines) {
            String chain = line.split(" ", 3).length > 1 ? line.split(" ", 3)[line.startsWith(":") ? 0 : 1] : "";
            if (line.startsWith(":")
                    && former.traces.chains.matcher(chain.substring(1)).matches()) {
                chains.add(chain.substring(1));
            } else if (line.startsWith("-A ")
                    && !former.traces.chains.matcher(chain).matches()
                    && isOf(former, line)) {
                rules.add(line);
            }
        }
        if (chains.isEmpty() && rules.isEmpty()) {
            return Optional.empty();
        }
        List<String> objects = new ArrayList<>();
        StringBuilder commit = new StringBuilder("*" + table + "\n");
        for (String rule : rules) {
            objects.add(program + " rule in table " + table + ": " + rule);
            commit.append("-D ").append(rule.substring(3)).append('\n');
        }
        for (String chain : chains) {
            objects.add(program + " chain " + chain + " in table " + table);
            commit.append("-F ").append(chain).append('\n');
        }
        // Only when none has a rule any more that jumps to another.
        chains.forEach(chain -> commit.append("-X ").append(chain).append('\n'));
        commit.append("COMMIT\n");
        return Optional.of(new Leftover(
                objects,
                Optional.empty(),
                () -> commands.run(commit.toString(), program + "-restore", "--noflush", "-w", "10")));
    }

    /** Whether a rule in a chain of others is this plugin's. */
    private static boolean isOf(FormerNetwork former, String rule) {
        Matcher target = TARGET.matcher(rule);
        while (target.find()) {
            if (former.traces.chains.matcher(target.group(1)).matches()) {
                return true;
            }
        }
        return former.traces.rules.matcher(rule).find();
    }
}
