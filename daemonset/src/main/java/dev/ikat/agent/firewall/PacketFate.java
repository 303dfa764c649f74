package dev.ikat.agent.firewall;

import dev.ikat.netlink.netfilter.BaseChain;
import dev.ikat.netlink.netfilter.ChainRule;
import dev.ikat.netlink.netfilter.ChainRule.Answer;
import dev.ikat.netlink.netfilter.ChainRule.Effect;
import dev.ikat.netlink.netfilter.ExpectedPacket;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What may become of a packet in a chain, as far as that can be told from the rules. Whatever can't be told leaves both
 * possible.
 */
final class PacketFate {
    private final Map<String, List<ChainRule>> rules;
    private final Set<Effect> possible = EnumSet.noneOf(Effect.class);
    private Optional<ChainRule> refusal = Optional.empty();

    private PacketFate(Map<String, List<ChainRule>> rules) {
        this.rules = rules;
    }

    /**
     * Follows some packets, of which one comes.
     *
     * @param rules of the chain's table, by their chains
     */
    static PacketFate of(BaseChain chain, Map<String, List<ChainRule>> rules, List<ExpectedPacket> packets) {
        PacketFate fate = new PacketFate(rules);
        for (ExpectedPacket packet : packets) {
            boolean seen = chain.family().sees(packet);
            if (!seen || fate.follow(chain.name(), packet, new HashSet<>())) {
                fate.possible.add(chain.dropping() && seen ? Effect.REFUSE : Effect.ACCEPT);
                fate.refusal = Optional.empty();
            }
        }
        return fate;
    }

    boolean isRefused() {
        return !possible.contains(Effect.ACCEPT);
    }

    boolean isAccepted() {
        return !possible.contains(Effect.REFUSE);
    }

    /** Where it is refused for certain: the rule that no packet passes; empty where that is the chain's policy. */
    Optional<ChainRule> refusal() {
        return refusal;
    }

    /** Whether the packet may leave the chain undecided. */
    private boolean follow(String chain, ExpectedPacket packet, Set<String> entered) {
        if (!entered.add(chain)) {
            // Not in a ruleset that the kernel takes.
            return true;
        }
        boolean leaves = false;
        boolean goesOn = true;
        for (ChainRule rule : rules.getOrDefault(chain, List.of())) {
            Answer about = rule.isAbout(packet);
            if (about == Answer.NO) {
                continue;
            }
            boolean ends = true;
            switch (rule.effect()) {
                case REFUSE -> {
                    possible.add(Effect.REFUSE);
                    refusal = Optional.of(rule);
                }
                case ACCEPT -> possible.add(Effect.ACCEPT);
                case UNKNOWN -> {
                    possible.add(Effect.ACCEPT);
                    ends = false;
                }
                case NONE -> ends = false;
                case RETURN -> leaves = true;
                case JUMP -> ends = !follow(rule.target(), packet, entered);
                case GOTO -> leaves |= follow(rule.target(), packet, entered);
            }
            if (ends && about == Answer.YES) {
                goesOn = false;
                break;
            }
        }
        // Others may lead there, too.
        entered.remove(chain);
        return leaves || goesOn;
    }
}
