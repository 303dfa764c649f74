package dev.ikat.cluster;

import java.util.Objects;
import java.util.Optional;

/**
 * What the API keeps of an object beside what its author wrote.
 *
 * @param generation which version of its specification it is ({@code metadata.generation}); 0 if nobody counts
 * @param condition the condition that Ikat has written into its status; empty if there is none
 */
public record Reported(long generation, Optional<ObjectCondition> condition) {
    /** Of an object that no API keeps, or whose status is empty. */
    public static final Reported NOTHING = new Reported(0, Optional.empty());

    public Reported {
        Objects.requireNonNull(condition, "condition");
    }
}
