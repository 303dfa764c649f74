package dev.ikat.policy.program;

import dev.ikat.model.IpAddress;
import java.util.Optional;

/** Where an {@link Evaluator} looks up the parts of a program. */
public interface ProgramLookup {
    /** The program of the endpoint with this address; empty if this node has none. */
    Optional<PodProgram> program(IpAddress address);

    /**
     * A set that a rule of a program refers to.
     *
     * @throws IllegalStateException if there is none
     */
    Members members(SetId set);

    /** A set, as far as it matters for a flow. */
    interface Members {
        AddressSet.Form form();

        /** The selectors that it stands for, in readable form. */
        String meaning();

        boolean contains(SetMember member);
    }
}
