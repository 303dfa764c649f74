package dev.ikat.policy.program;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The difference between a program and the next one. New sets have to be created before the programs that refer to them
 * are put in force, and removed sets deleted after.
 *
 * @param addedSets sets that are new, with their members
 * @param changedSets members that are added to and removed from existing sets
 * @param programs the programs of endpoints that are new or whose program changed; each replaces that of its host
 *     interface, even if that was another endpoint with other addresses
 * @param removedPods the endpoints that no longer exist; none has a host interface that is in {@code programs}
 * @param removedSets sets that no rule refers to any more
 */
public record PolicyChange(
        List<AddressSet> addedSets,
        Map<SetId, Members> changedSets,
        List<PodProgram> programs,
        List<Endpoint> removedPods,
        Set<SetId> removedSets) {
    /** No difference. */
    public static final PolicyChange NONE = new PolicyChange(List.of(), Map.of(), List.of(), List.of(), Set.of());

    public PolicyChange {
        addedSets = List.copyOf(addedSets);
        changedSets = Map.copyOf(changedSets);
        programs = List.copyOf(programs);
        removedPods = List.copyOf(removedPods);
        removedSets = Set.copyOf(removedSets);
    }

    /** Whether there is no difference. */
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
     * @param added the members that are new
     * @param removed the members that are removed
     */
    public record Members(Set<SetMember> added, Set<SetMember> removed) {
        public Members {
            added = Set.copyOf(added);
            removed = Set.copyOf(removed);
        }
    }
}
