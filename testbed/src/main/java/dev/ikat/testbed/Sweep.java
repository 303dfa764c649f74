package dev.ikat.testbed;

/** {@code ./dev clean}: removes what killed tests or demos left in the kernel, and says what it was. */
public final class Sweep {
    private Sweep() {}

    /** Takes no arguments. */
    public static void main(String[] arguments) {
        StaleResources.sweep().forEach(line -> System.out.println("removed " + line));
    }
}
