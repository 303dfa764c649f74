package dev.ikat.testbed.random;

import java.util.function.Consumer;

/**
 * Properties over random input: {@code Seeds.forEach(1000, random -> ...)} runs the check with 1,000 seeds and, if one
 * fails, names it. {@code -Dikat.seed=N} runs only that one.
 */
public final class Seeds {
    /** The system property that repeats one seed. */
    public static final String PROPERTY = "ikat.seed";

    private Seeds() {}

    /**
     * Runs a check with {@code runs} fresh seeds.
     *
     * @throws AssertionError that names the seed and has the check's own failure as its cause
     */
    public static void forEach(int runs, Consumer<Generator> check) {
        String chosen = System.getProperty(PROPERTY);
        if (chosen != null) {
            with(Long.parseLong(chosen), check);
            return;
        }
        Generator seeds = new Generator(System.nanoTime());
        for (int i = 0; i < runs; i++) {
            with(seeds.bits(), check);
        }
    }

    /** Runs a check with one seed. */
    public static void with(long seed, Consumer<Generator> check) {
        try {
            check.accept(new Generator(seed));
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("fails with -D" + PROPERTY + "=" + seed + ": " + e.getMessage(), e);
        }
    }
}
