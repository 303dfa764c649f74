package dev.ikat.agent.conformance;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What is otherwise than expected, for people. */
final class Differences {
    private static final int EXPLAINED = 6;

    private Differences() {}

    static List<Cell> cells(Map<Cell, Boolean> expected, Map<Cell, Boolean> found) {
        return expected.keySet().stream()
                .filter(cell -> !Objects.equals(expected.get(cell), found.get(cell)))
                .toList();
    }

    /**
     * The tables of all attempts that differ anywhere, and the first differences with an explanation each.
     *
     * @param explain why a connection is to be made or not
     */
    static String describe(
            String what, Map<Cell, Boolean> expected, Map<Cell, Boolean> found, Function<Cell, String> explain) {
        List<Cell> cells = cells(expected, found);
        StringBuilder text = new StringBuilder(
                "%s: %d of %d connections. In the tables + is made, . is not; X is made but must not be, O is not but must be%n"
                        .formatted(what, cells.size(), expected.size()));
        for (Attempt attempt : cells.stream().map(Cell::attempt).distinct().toList()) {
            text.append(attempt).append('\n').append(table(attempt, expected, found));
        }
        cells.stream()
                .limit(EXPLAINED)
                .forEach(cell -> text.append(cell)
                        .append(": ")
                        .append(explain.apply(cell))
                        .append('\n'));
        return text.toString();
    }

    private static String table(Attempt attempt, Map<Cell, Boolean> expected, Map<Cell, Boolean> found) {
        StringBuilder text = new StringBuilder("  %-10s  %s%n".formatted("", Table.HEADER));
        for (String end : Stream.concat(Ends.PODS.stream(), Ends.NODES.stream()).toList()) {
            row(text, end, to -> new Cell(end, to, attempt), expected, found);
        }
        for (String node : Ends.NODES) {
            row(text, "to " + node, from -> new Cell(from, node, attempt), expected, found);
        }
        return text.toString();
    }

    private static void row(
            StringBuilder text,
            String label,
            Function<String, Cell> cellOf,
            Map<Cell, Boolean> expected,
            Map<Cell, Boolean> found) {
        String letters = Ends.PODS.stream()
                .map(pod -> letter(cellOf.apply(pod), expected, found))
                .collect(Collectors.joining());
        if (!letters.isBlank() && !letters.equals("=        ")) {
            text.append("  %-10s    %s   %s   %s%n"
                    .formatted(label, letters.substring(0, 3), letters.substring(3, 6), letters.substring(6)));
        }
    }

    private static String letter(Cell cell, Map<Cell, Boolean> expected, Map<Cell, Boolean> found) {
        if (cell.from().equals(cell.to())) {
            return "=";
        }
        Boolean wanted = expected.get(cell);
        if (wanted == null) {
            return " ";
        }
        boolean made = Boolean.TRUE.equals(found.get(cell));
        return wanted ? (made ? "+" : "O") : (made ? "X" : ".");
    }
}
