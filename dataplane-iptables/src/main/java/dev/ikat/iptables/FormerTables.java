package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which tables of nf_tables there were before Ikat's first call of iptables, whose nft variant makes a table, and the
 * chains of the kernel's in it, as soon as anybody names it. What was not there goes again with the last of Ikat's
 * rules, if nobody else has put anything there. The record lives as long as the tables do, until the next boot; where
 * it is missing, nothing is known of them, and they stay. Thread-safe.
 */
final class FormerTables {
    /** In the run directory: a line {@code ip filter=absent} or {@code ip filter=present} for each table. */
    static final String RECORD = "iptables.before";

    private static final Logger LOG = LoggerFactory.getLogger(FormerTables.class);
    private static final List<String> TABLES = List.of("filter", "nat", "raw");
    private static final String ABSENT = "=absent";

    private static final String KERNELS = "(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)";

    /** What a table consists of that has only the chains of the kernel's, empty and accepting, as nft lists it. */
    private static final Pattern NOTHING = Pattern.compile("#.*|table ip6? [a-z]+ \\{|chain " + KERNELS
            + " \\{|type [a-z]+ hook [a-z]+ priority [^;]*; policy accept;|}|");

    private static final Pattern CHAIN = Pattern.compile("chain " + KERNELS + " \\{");

    private final Programs programs;
    private final Path record;

    FormerTables(Programs programs, Path runDirectory) {
        this.programs = programs;
        this.record = runDirectory.resolve(RECORD);
    }

    /** Records what there is, unless that was recorded before. To be called before the first look into a table. */
    synchronized void remember() {
        if (Files.exists(record, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        StringBuilder lines = new StringBuilder();
        for (IpFamily family : IpFamily.values()) {
            // Without a table's name it lists those that there are, and makes none.
            Set<String> present = new HashSet<>(programs.run("", IptablesVariant.NFT.program(family, "save"))
                    .lines()
                    .toList());
            for (String table : TABLES) {
                lines.append(name(family, table))
                        .append(present.contains("*" + table) ? "=present" : ABSENT)
                        .append('\n');
            }
        }
        try {
            Files.writeString(record, lines);
        } catch (IOException e) {
            throw new UncheckedIOException("can't record in " + record + " which tables there are: " + e, e);
        }
    }

    private static String name(IpFamily family, String table) {
        return (family == IpFamily.IPV4 ? "ip " : "ip6 ") + table;
    }

    /** Removes the tables that were not there before, and that nobody uses. */
    synchronized void removeUnused() {
        for (String table : absentBefore()) {
            try {
                remove(table);
            } catch (IptablesException e) {
                // It is not there any more; or somebody has just begun to use it, and so it stays.
                LOG.atDebug()
                        .addKeyValue("table", table)
                        .addKeyValue("reason", e.getMessage())
                        .log("iptables-table-kept");
            }
        }
    }

    private List<String> absentBefore() {
        try {
            return Files.readAllLines(record).stream()
                    .filter(line -> line.endsWith(ABSENT))
                    .map(line -> line.substring(0, line.length() - ABSENT.length()))
                    .filter(table -> table.matches("ip6? (" + String.join("|", TABLES) + ")"))
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private void remove(String table) {
        List<String> lines = programs.run("", "nft", "list table " + table)
                .lines()
                .map(String::strip)
                .toList();
        if (!lines.stream().allMatch(line -> NOTHING.matcher(line).matches())) {
            return;
        }
        List<String> commands = new ArrayList<>();
        for (String line : lines) {
            Matcher chain = CHAIN.matcher(line);
            if (chain.matches()) {
                // The kernel refuses this for a chain with rules, and then does nothing of it all.
                commands.add("delete chain " + table + " " + chain.group(1));
            }
        }
        commands.add("delete table " + table);
        programs.run(String.join("\n", commands) + "\n", "nft", "-f", "-");
        LOG.atInfo().addKeyValue("table", table).log("iptables-table-removed");
    }
}
