package dev.ikat.policy.program;

import java.util.Objects;
import java.util.Set;

/**
 * Addresses of pods, of both families, that rules refer to.
 *
 * @param id its name
 * @param form the form of its members
 * @param meaning the selectors that it stands for, in readable form
 * @param members its members; possibly none
 */
public record AddressSet(SetId id, Form form, String meaning, Set<SetMember> members) implements ProgramLookup.Members {
    public AddressSet {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(form, "form");
        Objects.requireNonNull(meaning, "meaning");
        members = Set.copyOf(members);
    }

    @Override
    public boolean contains(SetMember member) {
        return members.contains(member);
    }

    /** The form of a set's members. */
    public enum Form {
        /** {@link SetMember.AddressMember}. */
        ADDRESSES,
        /** {@link SetMember.PortMember}. */
        PORTS
    }
}
