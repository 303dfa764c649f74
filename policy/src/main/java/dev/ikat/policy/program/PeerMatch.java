package dev.ikat.policy.program;

import dev.ikat.cluster.NetworkPolicy.IpBlock;
import java.util.Objects;

/** Other ends that a rule means. */
public sealed interface PeerMatch {
    /**
     * The members of a set. Those of {@link AddressSet.Form#PORTS} say the receiving port too; only egress rules have
     * them.
     *
     * @param set the set
     */
    record InSet(SetId set) implements PeerMatch {
        public InSet {
            Objects.requireNonNull(set, "set");
        }
    }

    /**
     * A block of addresses with holes.
     *
     * @param block the block
     */
    record InBlock(IpBlock block) implements PeerMatch {
        public InBlock {
            Objects.requireNonNull(block, "block");
        }
    }
}
