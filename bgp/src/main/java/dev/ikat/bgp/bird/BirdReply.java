package dev.ikat.bgp.bird;

import java.util.ArrayList;
import java.util.List;

/**
 * What BIRD answers to a command: lines with a code of four digits, of which the last one says what became of it
 * (BIRD's doc/reply_codes).
 *
 * @param lines at least one
 */
record BirdReply(List<Line> lines) {
    private static final int DIGITS = 4;
    private static final int FIRST_ERROR = 8000;

    /** A line, without its code. */
    record Line(int code, String text) {}

    BirdReply {
        lines = List.copyOf(lines);
        if (lines.isEmpty()) {
            throw new IllegalArgumentException("an answer without a line");
        }
    }

    /** The code of the whole answer. */
    int code() {
        return lines.getLast().code();
    }

    /** Whether the command was refused. */
    boolean isError() {
        return code() >= FIRST_ERROR;
    }

    /** What was said last. */
    String words() {
        return lines.getLast().text().strip();
    }

    /** Gathers the lines of an answer, one after the other. */
    static final class Gatherer {
        private final List<Line> lines = new ArrayList<>();
        private boolean whole;

        /**
         * Takes a line, without its end.
         *
         * @throws IllegalArgumentException if it is none of an answer
         */
        void add(String line) {
            if (line.startsWith("+")) {
                // What it logs, which nobody has asked for.
                return;
            }
            if (line.startsWith(" ")) {
                if (lines.isEmpty()) {
                    throw new IllegalArgumentException("an answer that begins with no code: '" + line + "'");
                }
                lines.add(new Line(lines.getLast().code(), line.substring(1)));
                return;
            }
            boolean coded = line.length() > DIGITS
                    && line.chars().limit(DIGITS).allMatch(c -> c >= '0' && c <= '9')
                    && (line.charAt(DIGITS) == ' ' || line.charAt(DIGITS) == '-');
            if (!coded) {
                throw new IllegalArgumentException("a line without a code: '" + line + "'");
            }
            lines.add(new Line(Integer.parseInt(line.substring(0, DIGITS)), line.substring(DIGITS + 1)));
            whole = line.charAt(DIGITS) == ' ';
        }

        /** Whether the answer has ended. */
        boolean isWhole() {
            return whole;
        }

        BirdReply reply() {
            return new BirdReply(lines);
        }
    }
}
