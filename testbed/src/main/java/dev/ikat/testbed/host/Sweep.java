package dev.ikat.testbed.host;

/**
 * {@code ./dev clean}: removes what killed tests, or demos that this checkout has kept, left in the kernel, and prints
 * what it removed.
 */
public final class Sweep {
    private Sweep() {}

    /** Takes no arguments. */
    public static void main(String[] arguments) {
        StaleResources.sweepKept().forEach(line -> System.out.println("removed " + line));
    }
}
