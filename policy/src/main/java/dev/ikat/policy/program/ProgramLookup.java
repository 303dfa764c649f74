package dev.ikat.policy.program;

import dev.ikat.model.IpAddress;
import java.util.Optional;

/** Where an {@link Evaluator} looks up what a program consists of. */
public interface ProgramLookup {
    /** What the endpoint with this address is held to; empty if this node has none. */
    Optional<PodProgram> program(IpAddress address);

    /**
     * A set that a rule of a program refers to.
     *
     * @throws IllegalStateException if there is none
     */
    Members members(SetId set);

    /** A set, as far as it matters to a flow. */
    interface Members {
        AddressSet.Form form();

        /** The selectors that it stands for, in words for people. */
        String meaning();

        boolean contains(SetMember member);
    }
}
