package dev.ikat.agent.conformance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Who reaches whom, as a case writes it: a row for each sender, three letters for the pods of each namespace, {@code +}
 * where the connection is made, {@code .} where it is not and {@code =} for a pod to itself, which is not tried. Nodes
 * have a row each as senders, and a row {@code to node-1} for what reaches them.
 *
 * @param cells whether each connection, of whichever protocol, is made
 */
record Table(Map<Pair, Boolean> cells) {
    static final String HEADER = "x:abc y:abc z:abc";

    /** From one end to another. */
    record Pair(String from, String to) {}

    Table {
        cells = Map.copyOf(cells);
    }

    /**
     * Reads the lines of a table, the header first.
     *
     * @throws IllegalArgumentException if a row is not one, or there are neither all the pods nor the nodes
     */
    static Table parse(List<String> lines) {
        Map<Pair, Boolean> cells = new LinkedHashMap<>();
        if (lines.isEmpty() || !lines.getFirst().strip().equals(HEADER)) {
            throw new IllegalArgumentException("a table begins with the line '" + HEADER + "', not with " + lines);
        }
        List<String> rows = new ArrayList<>();
        for (String line : lines.subList(1, lines.size())) {
            String[] words = line.strip().split(" +", -1);
            if (words.length < 4) {
                throw new IllegalArgumentException("'" + line + "' is no row of a table");
            }
            String letters = words[words.length - 3] + words[words.length - 2] + words[words.length - 1];
            boolean receives = words[0].equals("to");
            String end = receives ? words[1] : words[0];
            rows.add(end);
            if (letters.length() != Ends.PODS.size() || !(Ends.PODS.contains(end) || Ends.isNode(end))) {
                throw new IllegalArgumentException("'" + line + "' is no row of a table");
            }
            for (int i = 0; i < letters.length(); i++) {
                String pod = Ends.PODS.get(i);
                read(receives ? new Pair(pod, end) : new Pair(end, pod), letters.charAt(i), cells);
            }
        }
        if (!rows.equals(Ends.PODS) && rows.stream().anyMatch(row -> !Ends.isNode(row))) {
            throw new IllegalArgumentException("a table has a row for each pod, or only rows for nodes, not " + rows);
        }
        return new Table(cells);
    }

    private static void read(Pair pair, char letter, Map<Pair, Boolean> cells) {
        boolean itself = pair.from.equals(pair.to);
        if (itself != (letter == '=')) {
            throw new IllegalArgumentException("'=' stands for a pod to itself, and for nothing else: " + pair);
        }
        switch (letter) {
            case '+' -> cells.put(pair, true);
            case '.' -> cells.put(pair, false);
            case '=' -> {}
            default -> throw new IllegalArgumentException("'" + letter + "' says nothing of " + pair);
        }
    }
}
