package dev.ikat.agent.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds the name that was perhaps meant where an unknown one was given. */
final class Similar {
    private static final int MOST = 3;

    private Similar() {}

    /** The known name that differs least, if it differs in few letters. */
    static Optional<String> to(String unknown, Collection<String> known) {
        return within(MOST, unknown, known);
    }

    /** The known name that differs least, if it differs in at most so many letters. */
    static Optional<String> within(int letters, String unknown, Collection<String> known) {
        return known.stream()
                .min(Comparator.comparingInt(name -> distance(unknown, name)))
                .filter(name -> distance(unknown, name) <= letters);
    }

    /** How many letters have to change (Levenshtein). */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
