package dev.ikat.cni;

/** Hears of each step of a verb before it is done: for measuring, and for tests that end the process in between. */
@FunctionalInterface
public interface StepObserver {
    /** Hears and does nothing. */
    StepObserver NONE = (verb, step) -> {};

    /**
     * The step is about to be done, by the thread that calls. A verb's last step is {@code answer}.
     *
     * @param verb what the runtime asked for
     * @param step the step's name; see {@link CniPlugin} and {@link Reaper}
     */
    void reached(Verb verb, String step);

    /** What the calling thread reached last is done, or has failed, and nothing follows it. */
    default void finished() {}
}
