package dev.ikat.policy.program;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.ObjectKey;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What one endpoint's program decides about a flow in one direction, and why.
 *
 * @param endpoint the endpoint
 * @param direction the direction
 * @param action {@code ACCEPT} or {@code DENY}
 * @param tier the tier that decided; empty if none did, so that the flow is accepted
 * @param rule the rule that matched; empty if none did
 * @param entry the entry among the rule's peers that matched; empty if no rule matched or it applies to any peer
 * @param isolatedBy if the flow is denied because no rule matched: the policies that isolate the pod
 */
public record Decision(
        Endpoint endpoint,
        Direction direction,
        Action action,
        Optional<Tier> tier,
        Optional<RuleId> rule,
        Optional<Entry> entry,
        List<ObjectKey> isolatedBy) {
    public Decision {
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(direction, "direction");
        Objects.requireNonNull(tier, "tier");
        Objects.requireNonNull(rule, "rule");
        Objects.requireNonNull(entry, "entry");
        if (action == Action.PASS) {
            throw new IllegalArgumentException("PASS is not a decision");
        }
        isolatedBy = List.copyOf(isolatedBy);
    }

    /** Whether this direction allows the flow to pass. */
    public boolean accepted() {
        return action == Action.ACCEPT;
    }

    /** As in {@code ingress of Pod shop/web: accepted by NetworkPolicy shop/front ingress[0], ...}. */
    @Override
    public String toString() {
        String who = endpoint.pod()
                .map(ObjectKey::toString)
                .orElse("container " + endpoint.attachment().containerId());
        String done = action == Action.ACCEPT ? "accepted" : "denied";
        return direction.title().toLowerCase(java.util.Locale.ROOT) + " of " + who + ": " + done + reason();
    }

    private String reason() {
        if (rule.isPresent()) {
            return " by " + rule.get() + entry.map(found -> ", " + found).orElse("");
        }
        if (!isolatedBy.isEmpty()) {
            return ", because no rule of "
                    + isolatedBy.stream().map(ObjectKey::toString).collect(Collectors.joining(", ")) + " allows it";
        }
        return tier.map(decided -> ", by the default of the tier " + decided).orElse(", because no policy applies");
    }

    /** The entry among a rule's peers that matched. */
    public sealed interface Entry {
        /**
         * A member of a set.
         *
         * @param set the set
         * @param meaning the selectors that the set stands for
         * @param member the member
         */
        record Member(SetId set, String meaning, SetMember member) implements Entry {
            public Member {
                Objects.requireNonNull(set, "set");
                Objects.requireNonNull(meaning, "meaning");
                Objects.requireNonNull(member, "member");
            }

            @Override
            public String toString() {
                return member.address() + " is one of: " + meaning;
            }
        }

        /**
         * A block of addresses.
         *
         * @param block the block
         */
        record Block(IpBlock block) implements Entry {
            public Block {
                Objects.requireNonNull(block, "block");
            }

            @Override
            public String toString() {
                return "in " + block.cidr() + (block.except().isEmpty() ? "" : " except " + block.except());
            }
        }
    }
}
