package dev.ikat.cni;

/** Is called before each step of a verb: for measurements, and for tests that kill the process in between. */
@FunctionalInterface
public interface StepObserver {
    /** Ignores all steps. */
    StepObserver NONE = (verb, step) -> {};

    /**
     * The calling thread is about to do the step. A verb's last step is {@code answer}.
     *
     * @param verb the verb that the runtime requested
     * @param step the step's name; see {@link CniPlugin} and {@link Reaper}
     */
    void reached(Verb verb, String step);

    /** The calling thread's last step is done, or has failed, and no other follows. */
    default void finished() {}
}
