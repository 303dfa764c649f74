package dev.ikat.testbed.report;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** Output for people: colours and symbols on a terminal, plain ASCII anywhere else and if NO_COLOR is set. */
public final class Terminal {
    private final PrintStream out;
    private final boolean rich;

    private Terminal(PrintStream out, boolean rich) {
        this.out = out;
        this.rich = rich;
    }

    /** Standard output. */
    public static Terminal standard() {
        return new Terminal(new PrintStream(System.out, true, StandardCharsets.UTF_8), isRich());
    }

    private static boolean isRich() {
        try {
            // The JDK's Console asks for the input to be a terminal as well.
            boolean terminal = Files.readSymbolicLink(Path.of("/proc/self/fd/1"))
                    .toString()
                    .matches("/dev/(pts/|tty|console).*");
            return terminal && System.getenv("NO_COLOR") == null && !"dumb".equals(System.getenv("TERM"));
        } catch (IOException e) {
            return false;
        }
    }

    public String bold(String text) {
        return coloured("1", text);
    }

    /** In a faint colour, if there are colours. */
    public String faint(String text) {
        return coloured("2", text);
    }

    public String good(String text) {
        return coloured("32", text);
    }

    public String bad(String text) {
        return coloured("1;31", text);
    }

    private String coloured(String code, String text) {
        return rich ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
    }

    public String yes() {
        return good(rich ? "\u2714" : "ok");
    }

    public String no() {
        return bad(rich ? "\u2718" : "NO");
    }

    /** Prints a line. */
    public void line(String text) {
        out.println(text);
    }

    /** Prints an empty line and a bold one. */
    public void heading(String text) {
        out.println();
        out.println(bold(text));
    }

    /** A completed step, with the time that it took. */
    public void step(String what, Duration took) {
        out.printf("  %s %8s  %s%n", yes(), milliseconds(took), what);
    }

    /** Does something, and prints it as a completed step. */
    public <T> T timed(String what, Supplier<T> action) {
        long start = System.nanoTime();
        T result = action.get();
        step(what, Duration.ofNanos(System.nanoTime() - start));
        return result;
    }

    public static String milliseconds(Duration took) {
        double value = took.toNanos() / 1e6;
        return String.format(Locale.ROOT, value < 100 ? "%.1f ms" : "%.0f ms", value);
    }

    /** Rows of cells under a header, each column as wide as its widest cell. */
    public void table(List<List<String>> rows) {
        int columns = rows.stream().mapToInt(List::size).max().orElse(0);
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < row.size(); i++) {
                widths[i] = Math.max(widths[i], visibleLength(row.get(i)));
            }
        }
        for (int r = 0; r < rows.size(); r++) {
            StringBuilder line = new StringBuilder("  ");
            List<String> row = rows.get(r);
            for (int i = 0; i < row.size(); i++) {
                String cell = row.get(i);
                String padding = " ".repeat(widths[i] - visibleLength(cell) + 2);
                line.append(r == 0 ? faint(cell) : cell).append(i + 1 < row.size() ? padding : "");
            }
            out.println(line);
        }
    }

    private static int visibleLength(String text) {
        return text.replaceAll("\u001b\\[[0-9;]*m", "").length();
    }
}
