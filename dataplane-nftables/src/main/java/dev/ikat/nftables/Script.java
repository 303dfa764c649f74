package dev.ikat.nftables;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/** Commands in nftables' language about the table {@code inet ikat}, one a line, run as one transaction. */
final class Script {
    private static final String TABLE = "inet " + NftablesTable.NAME + " ";
    /** A comment's greatest length in bytes (NFTNL_UDATA_COMMENT_MAXLEN), less its end. */
    private static final int COMMENT = 126;

    private final StringBuilder text = new StringBuilder();
    private final Set<String> chains = new HashSet<>();

    static String elements(List<Element> removed, List<Element> added) {
        Script script = new Script();
        script.deleteElements(removed);
        script.addElements(added);
        return script.text();
    }

    String text() {
        return text.toString();
    }

    boolean isEmpty() {
        return text.isEmpty();
    }

    /** The chains that are emptied here: what rules they have afterwards, they have from here. */
    Set<String> chains() {
        return chains;
    }

    void addChain(String name) {
        line("add chain " + TABLE + name);
    }

    void addBaseChain(String name, String type, String hook, int priority) {
        line("add chain " + TABLE + name + " { type " + type + " hook " + hook + " priority " + priority
                + "; policy accept; }");
    }

    void flushChain(String name) {
        chains.add(name);
        line("flush chain " + TABLE + name);
    }

    void deleteChain(String name) {
        line("delete chain " + TABLE + name);
    }

    void addRule(String chain, String rule) {
        line("add rule " + TABLE + chain + " " + rule);
    }

    /** Adds a rule that says in words where it comes from. */
    void addRule(String chain, String rule, String comment) {
        addRule(chain, rule + " comment \"" + quotable(comment) + "\"");
    }

    /**
     * Adds what drops a packet, and has it logged before.
     *
     * @param match which packets; ends in a space where it is not empty
     * @param prefix what the log says of them
     * @param logGroup the NFLOG group that is told; empty for none
     */
    void addDrop(String chain, String match, String prefix, OptionalInt logGroup, String comment) {
        logGroup.ifPresent(group -> addRule(
                chain,
                "%slimit rate 50/second burst 100 packets log prefix \"%s\" group %d snaplen 128"
                        .formatted(match, prefix, group)));
        addRule(chain, match + "counter drop", comment);
    }

    void addSet(String name, String type, String flags, String comment) {
        line("add set " + TABLE + name + " { type " + type + "; " + flags + "comment \"" + quotable(comment) + "\"; }");
    }

    void flushSet(String name) {
        line("flush set " + TABLE + name);
    }

    void deleteSet(String name) {
        line("delete set " + TABLE + name);
    }

    /** Adds a set whose keys are of the types that these expressions have. */
    void addSetOf(String name, String expressions, String flags, String comment) {
        line("add set " + TABLE + name + " { typeof " + expressions + "; " + flags + "comment \"" + quotable(comment)
                + "\"; }");
    }

    void addVerdictMap(String name, String type) {
        addVerdictMap(name, type, "");
    }

    void addVerdictMap(String name, String type, String flags) {
        line("add map " + TABLE + name + " { type " + type + " : verdict; " + flags + "}");
    }

    void flushMap(String name) {
        line("flush map " + TABLE + name);
    }

    void deleteMap(String name) {
        line("delete map " + TABLE + name);
    }

    void addElements(List<Element> elements) {
        elements("add element ", elements);
    }

    void deleteElements(List<Element> elements) {
        elements("delete element ", elements);
    }

    private void elements(String command, List<Element> elements) {
        Map<String, List<Element>> bySet =
                elements.stream().collect(Collectors.groupingBy(Element::set, LinkedHashMap::new, Collectors.toList()));
        bySet.forEach((set, members) -> line(command + TABLE + set + " { "
                + members.stream().map(Element::text).collect(Collectors.joining(", ")) + " }"));
    }

    /** Adds what stands for itself, such as address ranges, to a set. */
    void addRanges(String set, List<String> ranges) {
        if (!ranges.isEmpty()) {
            line("add element " + TABLE + set + " { " + String.join(", ", new ArrayList<>(ranges)) + " }");
        }
    }

    private void line(String command) {
        text.append(command).append('\n');
    }

    /** Without what would end a quoted string or a line, and not too long. */
    private static String quotable(String comment) {
        String safe = comment.replaceAll("[^ -~]", "?").replace('"', '\'').replace('\\', '/');
        return safe.length() <= COMMENT ? safe : safe.substring(0, COMMENT - 3) + "...";
    }
}
