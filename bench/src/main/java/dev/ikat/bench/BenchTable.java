package dev.ikat.bench;

import dev.ikat.testbed.report.Terminal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** The table that {@code ./dev bench} prints: measurements, what they are compared with, and aims. */
public final class BenchTable {
    private final List<List<String>> rows = new ArrayList<>();
    private final Terminal terminal;
    private boolean allMet = true;

    /** An empty table. */
    public BenchTable(Terminal terminal) {
        this.terminal = terminal;
        rows.add(List.of("measure", "Ikat", "beside", "its value", "ratio", "aim", ""));
    }

    /** A value with an upper limit of its own. */
    public void atMost(String measure, String shown, double value, double limit, String unit) {
        row(measure, shown, "", "", "", String.format(Locale.ROOT, "<= %.1f %s", limit, unit), value <= limit);
    }

    /** A ratio that has to be at most {@code aim}: how many times the other's cost. */
    public void atMostTimes(String measure, String shown, String beside, String theirs, double ratio, double aim) {
        row(measure, shown, beside, theirs, times(ratio), String.format(Locale.ROOT, "<= %.2fx", aim), ratio <= aim);
    }

    /** A ratio that has to be at least {@code aim}: how many times better than the other. */
    public void atLeast(String measure, String shown, String beside, String theirs, double ratio, double aim) {
        row(measure, shown, beside, theirs, times(ratio), String.format(Locale.ROOT, ">= %.2fx", aim), ratio >= aim);
    }

    /** A value without an aim. */
    public void note(String measure, String shown, String beside, String theirs, OptionalDouble ratio) {
        String times = ratio.isPresent() ? times(ratio.getAsDouble()) : "";
        rows.add(List.of(measure, shown, beside, theirs, times, "", ""));
    }

    /** A value with neither an aim nor anything beside it. */
    public void note(String measure, String shown) {
        note(measure, shown, "", "", OptionalDouble.empty());
    }

    /** Two decimals, and more where they would be zeros. */
    private static String times(double ratio) {
        return String.format(Locale.ROOT, ratio < 0.01 ? "%.4fx" : "%.2fx", ratio);
    }

    private void row(
            String measure, String shown, String beside, String theirs, String ratio, String aim, boolean met) {
        allMet &= met;
        rows.add(List.of(measure, shown, beside, theirs, ratio, aim, met ? terminal.yes() : terminal.no()));
    }

    /** Says what machine the figures are of. */
    public void printMachine() {
        terminal.heading("%d processors, kernel %s"
                .formatted(Runtime.getRuntime().availableProcessors(), System.getProperty("os.version")));
    }

    /** Prints it. */
    public void print() {
        terminal.table(rows);
    }

    /** Prints it, and returns {@link #exitCode}. */
    public int conclude() {
        print();
        return exitCode();
    }

    /** 0 if every aim is met, otherwise 3. */
    public int exitCode() {
        return allMet ? 0 : 3;
    }
}
