package dev.ikat.bgp.bird;

import java.io.IOException;
import java.util.List;

/**
 * Runs BIRD's program in the node's network namespace, with the rights that it needs and no others, and waits until it
 * has ended or gone to the background.
 */
public interface BirdProgram {
    /**
     * Runs it.
     *
     * @param options its options
     * @throws IOException if it is not there, or does not end in time
     */
    Run run(List<String> options) throws IOException, InterruptedException;

    /**
     * A run that has ended.
     *
     * @param exitCode what it ended with
     * @param complaint what it said about what is wrong, in one line
     */
    record Run(int exitCode, String complaint) {}
}
