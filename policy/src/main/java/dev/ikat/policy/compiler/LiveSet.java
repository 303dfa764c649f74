package dev.ikat.policy.compiler;

import dev.ikat.model.IpAddress;
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
import java.util.stream.Collectors;

/**
 * A set that rules of this node refer to. It counts how many pods claim a member: one is enough, but where several
 * share an address and nobody knows whose it is, each of them has to.
 */
final class LiveSet implements ProgramLookup.Members {
    final SetMeaning meaning;
    final SetId id;

    /** How many rule blocks in use refer to it. */
    int references;

    /** Whether it has been told of. */
    boolean published;

    private final Map<SetMember, Integer> claims = new HashMap<>();

    /** How many have to claim an address, where that is more than one. */
    private final Map<IpAddress, Integer> shared;

    /** Members that were touched since the last change was told, and whether they were there then. */
    private final Map<SetMember, Boolean> before = new HashMap<>();

    /**
     * @param shared a view of the addresses that are shared, and by how many; no claim of one is there as it changes
     */
    LiveSet(SetMeaning meaning, SetId id, Map<IpAddress, Integer> shared) {
        this.meaning = meaning;
        this.id = id;
        this.shared = shared;
    }

    /** Whether there was anything to do. */
    boolean claim(List<SetMember> members) {
        for (SetMember member : members) {
            int count = claims.merge(member, 1, Integer::sum);
            if (published && count == needed(member)) {
                before.putIfAbsent(member, false);
            }
        }
        return !members.isEmpty();
    }

    /** Whether there was anything to do. */
    boolean unclaim(List<SetMember> members) {
        for (SetMember member : members) {
            Integer left = claims.computeIfPresent(member, (_, count) -> count == 1 ? null : count - 1);
            if (published && (left == null ? 0 : left) == needed(member) - 1) {
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
        Integer count = claims.get(member);
        return count != null && count >= needed(member);
    }

    /** How many have to claim it. */
    private int needed(SetMember member) {
        return shared.isEmpty() ? 1 : shared.getOrDefault(member.address(), 1);
    }

    /** All of it. */
    AddressSet toAddressSet() {
        Set<SetMember> members = claims.keySet();
        if (!shared.isEmpty()) {
            members = members.stream().filter(this::contains).collect(Collectors.toSet());
        }
        return new AddressSet(id, meaning.form(), meaning.toString(), members);
    }

    /** How its members changed since the last call; both sides are empty if they did not. */
    PolicyChange.Members settle() {
        Set<SetMember> added = new HashSet<>();
        Set<SetMember> removed = new HashSet<>();
        before.forEach((member, was) -> {
            boolean is = contains(member);
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
