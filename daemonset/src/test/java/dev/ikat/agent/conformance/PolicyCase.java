package dev.ikat.agent.conformance;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * What is done to a cluster that knows no policy, step by step, and who reaches whom after each.
 *
 * @param source the file that it is from, which says where the case comes from
 * @param name the case's name
 * @param steps what is done
 */
record PolicyCase(String source, String name, List<Step> steps) {
    private static final List<String> FILES = List.of("e2e.txt", "e2e-udp.txt", "e2e-sctp.txt", "own.txt");

    PolicyCase {
        steps = List.copyOf(steps);
    }

    /** A change of the cluster. */
    sealed interface Edit {}

    /** A policy is made or replaced. */
    record Apply(String policy, String spec) implements Edit {}

    /** A policy is deleted. */
    record Remove(String policy) implements Edit {}

    /** A pod has these labels and no others; a text in YAML's flow style. */
    record LabelPod(String pod, String labels) implements Edit {}

    /** A namespace has these labels and no others, but for the one that every namespace has. */
    record LabelNamespace(String namespace, String labels) implements Edit {}

    /** A namespace's object is gone, or not known yet, although there are pods in it. */
    record ForgetNamespace(String namespace) implements Edit {}

    /** There is a pod that has ended, with these labels, whose addresses are another's now. */
    record EndPod(String pod, String labels, String successor) implements Edit {}

    /**
     * Some changes at once, and what is so after them.
     *
     * @param edits the changes
     * @param expected every connection of which the case says something
     */
    record Step(List<Edit> edits, Map<Cell, Boolean> expected) {
        Step {
            edits = List.copyOf(edits);
            expected = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(expected));
        }
    }

    @Override
    public String toString() {
        return name;
    }

    /** All cases, in order. */
    static List<PolicyCase> all() {
        return FILES.stream().flatMap(PolicyCase::read).toList();
    }

    private static Stream<PolicyCase> read(String file) {
        try (InputStream stream =
                Objects.requireNonNull(PolicyCase.class.getResourceAsStream(file), "the cases of " + file)) {
            return parse(file, new String(stream.readAllBytes(), StandardCharsets.UTF_8)).stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The cases of a file: {@code === name}, then commands, each with the indented lines that belong to it. */
    static List<PolicyCase> parse(String source, String text) {
        List<PolicyCase> cases = new ArrayList<>();
        for (String part : text.split("(?m)^=== ", -1)) {
            List<String> lines = part.lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .toList();
            if (!lines.isEmpty()) {
                try {
                    cases.add(new PolicyCase(source, lines.getFirst(), steps(lines.subList(1, lines.size()))));
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException(source + ": " + lines.getFirst() + ": " + e.getMessage(), e);
                }
            }
        }
        return cases;
    }

    private static List<Step> steps(List<String> lines) {
        List<Step> steps = new ArrayList<>();
        List<Edit> edits = new ArrayList<>();
        Map<Cell, Boolean> expected = new LinkedHashMap<>();
        int next = 0;
        while (next < lines.size()) {
            String command = lines.get(next++);
            List<String> body = new ArrayList<>();
            while (next < lines.size() && lines.get(next).startsWith(" ")) {
                body.add(lines.get(next++));
            }
            if (command.startsWith("expect")) {
                expect(command.substring("expect".length()).strip(), Table.parse(body), expected);
                continue;
            }
            if (!expected.isEmpty()) {
                steps.add(new Step(edits, expected));
                edits = new ArrayList<>();
                expected = new LinkedHashMap<>();
            }
            edits.add(edit(command, body));
        }
        if (expected.isEmpty()) {
            throw new IllegalArgumentException("ends without an expectation");
        }
        steps.add(new Step(edits, expected));
        return steps;
    }

    private static Edit edit(String command, List<String> body) {
        String[] words = command.split(" ", 3);
        return switch (words[0] + (words[0].equals("label") || words[0].equals("forget") ? " " + words[1] : "")) {
            case "policy" -> new Apply(words[1], String.join("\n", body) + "\n");
            case "remove" -> new Remove(words[1]);
            case "label pod" -> new LabelPod(target(words[2]), labels(words[2]));
            case "label namespace" -> new LabelNamespace(target(words[2]), labels(words[2]));
            case "ended" -> {
                String[] rest = words[2].split(" ", 2);
                yield new EndPod(words[1], rest[1], rest[0]);
            }
            case "forget namespace" -> new ForgetNamespace(words[2]);
            default -> throw new IllegalArgumentException("there is no command '" + command + "'");
        };
    }

    private static String target(String targetAndLabels) {
        return targetAndLabels.substring(0, targetAndLabels.indexOf(' '));
    }

    private static String labels(String targetAndLabels) {
        return targetAndLabels.substring(targetAndLabels.indexOf(' ') + 1);
    }

    /** What is said later of some attempts goes before what was said of all. */
    private static void expect(String which, Table table, Map<Cell, Boolean> expected) {
        List<String> words = which.isEmpty() ? List.of() : List.of(which.split(" ", -1));
        List<Attempt> attempts = Stream.concat(
                        Attempt.transports().stream(), words.contains("ICMP") ? Attempt.pings().stream() : Stream.of())
                .filter(attempt -> means(words, attempt))
                .toList();
        if (attempts.isEmpty()) {
            throw new IllegalArgumentException("'expect " + which + "' is about no connection");
        }
        for (Attempt attempt : attempts) {
            table.cells().forEach((pair, made) -> expected.put(new Cell(pair.from(), pair.to(), attempt), made));
        }
    }

    /** Protocols are alternatives, and so are families. */
    private static boolean means(List<String> words, Attempt attempt) {
        List<String> families =
                words.stream().filter(word -> word.startsWith("IP")).toList();
        List<String> protocols =
                words.stream().filter(word -> !word.startsWith("IP")).toList();
        return (families.isEmpty() || families.stream().anyMatch(attempt::isMeantBy))
                && (protocols.isEmpty() || protocols.stream().anyMatch(attempt::isMeantBy));
    }
}
