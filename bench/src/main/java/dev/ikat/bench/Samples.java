package dev.ikat.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Measured values of one kind, reported by median and 90th percentile, because means hide outliers. */
public final class Samples {
    private final List<Double> values = new ArrayList<>();

    /** Adds a value. */
    public void add(double value) {
        values.add(value);
    }

    /** Deletes the values of the warm-up. */
    public void clear() {
        values.clear();
    }

    /** Whether there is none yet. */
    public boolean isEmpty() {
        return values.isEmpty();
    }

    /** The value that half of them do not exceed. */
    public double median() {
        return quantile(0.5);
    }

    /** The value that this share of all values does not exceed, by the nearest rank. */
    public double quantile(double share) {
        List<Double> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        int rank = (int) Math.ceil(share * sorted.size());
        return sorted.get(Math.max(0, rank - 1));
    }

    /** For each index this one's value divided by the other's, which was measured at nearly the same time. */
    public Samples dividedBy(Samples other) {
        Samples ratios = new Samples();
        for (int i = 0; i < Math.min(values.size(), other.values.size()); i++) {
            ratios.add(values.get(i) / other.values.get(i));
        }
        return ratios;
    }

    /** The median, and in parentheses the value at the bad end. */
    public String show(String format, boolean lowIsBad) {
        return String.format(Locale.ROOT, format + " (" + format + ")", median(), quantile(lowIsBad ? 0.1 : 0.9));
    }
}
