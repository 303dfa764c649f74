package dev.ikat.policy.program;

import dev.ikat.cluster.NetworkPolicy.IpBlock;
import java.util.Objects;

/** The peers that a rule refers to. */
public sealed interface PeerMatch {
    /**
     * The members of a set. Members of a set of {@link AddressSet.Form#PORTS} also determine the receiving port; only
     * egress rules refer to such sets.
     *
     * @param set the set
     */
    record InSet(SetId set) implements PeerMatch {
        public InSet {
            Objects.requireNonNull(set, "set");
        }
    }

    /**
     * A block of addresses with exceptions.
     *
     * @param block the block
     */
    record InBlock(IpBlock block) implements PeerMatch {
        public InBlock {
            Objects.requireNonNull(block, "block");
        }
    }
}
