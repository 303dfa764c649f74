package dev.ikat.policy.program;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What leads from one program to the next. Sets that appear do so before the programs that refer to them, and sets that
 * go, after.
 *
 * @param addedSets sets that were not there, with their members
 * @param changedSets members that come and go in sets that stay
 * @param programs the programs of endpoints that are new, or whose program is a different one; each takes the place of
 *     the one that its host interface had, also if that was another endpoint with other addresses
 * @param removedPods the endpoints that are not there any more; none whose host interface is in {@code programs}
 * @param removedSets sets that nothing refers to any more
 */
public record PolicyChange(
        List<AddressSet> addedSets,
        Map<SetId, Members> changedSets,
        List<PodProgram> programs,
        List<Endpoint> removedPods,
        Set<SetId> removedSets) {
    /** Nothing is different. */
    public static final PolicyChange NONE = new PolicyChange(List.of(), Map.of(), List.of(), List.of(), Set.of());

    public PolicyChange {
        addedSets = List.copyOf(addedSets);
        changedSets = Map.copyOf(changedSets);
        programs = List.copyOf(programs);
        removedPods = List.copyOf(removedPods);
        removedSets = Set.copyOf(removedSets);
    }

    /** Whether nothing is different. */
    public boolean isEmpty() {
        return addedSets.isEmpty()
                && changedSets.isEmpty()
                && programs.isEmpty()
                && removedPods.isEmpty()
                && removedSets.isEmpty();
    }

    /**
     * How the members of a set change.
     *
     * @param added those that come
     * @param removed those that go
     */
    public record Members(Set<SetMember> added, Set<SetMember> removed) {
        public Members {
            added = Set.copyOf(added);
            removed = Set.copyOf(removed);
        }
    }
}
