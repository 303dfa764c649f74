package dev.ikat.testbed;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Measured values of one kind, of which the median and the 90th percentile are told: means hide what hurts. */
final class Samples {
    private final List<Double> values = new ArrayList<>();

    void add(double value) {
        values.add(value);
    }

    boolean isEmpty() {
        return values.isEmpty();
    }

    double median() {
        return quantile(0.5);
    }

    /** The value that this share of all values does not exceed, by the nearest rank. */
    double quantile(double share) {
        List<Double> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        int rank = (int) Math.ceil(share * sorted.size());
        return sorted.get(Math.max(0, rank - 1));
    }

    /** For each index this one's value divided by the other's: what was measured at nearly the same time. */
    Samples dividedBy(Samples other) {
        Samples ratios = new Samples();
        for (int i = 0; i < Math.min(values.size(), other.values.size()); i++) {
            ratios.add(values.get(i) / other.values.get(i));
        }
        return ratios;
    }

    /** Median, and the value at the bad end in parentheses. */
    String show(String format, boolean lowIsBad) {
        return String.format(Locale.ROOT, format + " (" + format + ")", median(), quantile(lowIsBad ? 0.1 : 0.9));
    }
}
