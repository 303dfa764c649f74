package dev.ikat.policy.compiler;

import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.ProgramLookup;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A set that rules of this node refer to. It counts how many pods claim a member: an address may be two pods' for a
 * while, and stays until the last of them is gone.
 */
final class LiveSet implements ProgramLookup.Members {
    final SetMeaning meaning;
    final SetId id;

    /** How many rule blocks in use refer to it. */
    int references;

    /** Whether it has been told of. */
    boolean published;

    private final Map<SetMember, Integer> claims = new HashMap<>();

    /** Members that were touched since the last change was told, and whether they were there then. */
    private final Map<SetMember, Boolean> before = new HashMap<>();

    LiveSet(SetMeaning meaning, SetId id) {
        this.meaning = meaning;
        this.id = id;
    }

    /** Whether there was anything to do. */
    boolean claim(List<SetMember> members) {
        for (SetMember member : members) {
            int count = claims.merge(member, 1, Integer::sum);
            if (published && count == 1) {
                before.putIfAbsent(member, false);
            }
        }
        return !members.isEmpty();
    }

    /** Whether there was anything to do. */
    boolean unclaim(List<SetMember> members) {
        for (SetMember member : members) {
            Integer left = claims.computeIfPresent(member, (_, count) -> count == 1 ? null : count - 1);
            if (published && left == null) {
                before.putIfAbsent(member, true);
            }
        }
        return !members.isEmpty();
    }

    @Override
    public AddressSet.Form form() {
        return meaning.form();
    }

    @Override
    public String meaning() {
        return meaning.toString();
    }

    @Override
    public boolean contains(SetMember member) {
        return claims.containsKey(member);
    }

    /** All of it. */
    AddressSet toAddressSet() {
        return new AddressSet(id, meaning.form(), meaning.toString(), claims.keySet());
    }

    /** How its members changed since the last call; both sides are empty if they did not. */
    PolicyChange.Members settle() {
        Set<SetMember> added = new HashSet<>();
        Set<SetMember> removed = new HashSet<>();
        before.forEach((member, was) -> {
            boolean is = claims.containsKey(member);
            if (is && !was) {
                added.add(member);
            } else if (was && !is) {
                removed.add(member);
            }
        });
        before.clear();
        return new PolicyChange.Members(added, removed);
    }
}
