package dev.ikat.policy.program;

import dev.ikat.model.InterfaceName;
import java.util.Map;

/**
 * Everything that this node has to enforce. It contains every set that a rule refers to, and no other.
 *
 * @param sets by name
 * @param pods by host interface
 */
public record PolicyProgram(Map<SetId, AddressSet> sets, Map<InterfaceName, PodProgram> pods) {
    /** Nothing to enforce. */
    public static final PolicyProgram EMPTY = new PolicyProgram(Map.of(), Map.of());

    public PolicyProgram {
        sets = Map.copyOf(sets);
        pods = Map.copyOf(pods);
    }
}
