package dev.ikat.netlink.netfilter;

import java.util.List;

/**
 * A rule of nf_tables, as far as it can be said of which packets it is and what becomes of them.
 *
 * @param chain the chain that it is in
 * @param conditions all of which a packet has to meet
 * @param effect what it does then
 * @param target the chain that it leads to, for {@link Effect#JUMP} and {@link Effect#GOTO}; otherwise empty
 */
public record ChainRule(String chain, List<RuleCondition> conditions, Effect effect, String target) {
    /** What a rule does. */
    public enum Effect {
        /** It decides nothing, such as one that only counts or logs. */
        NONE,
        /** It drops or rejects the packet. */
        REFUSE,
        /** It accepts the packet, or hands it to a program. */
        ACCEPT,
        /** It ends its chain. */
        RETURN,
        /** It goes through another chain first. */
        JUMP,
        /** It goes on in another chain. */
        GOTO,
        /** What it does is not read. */
        UNKNOWN
    }

    /** Whether something is the case. */
    public enum Answer {
        YES,
        NO,
        /** It depends on what is not known. */
        UNKNOWN
    }

    public ChainRule {
        conditions = List.copyOf(conditions);
    }

    /** Whether it is about this packet. */
    public Answer isAbout(ExpectedPacket packet) {
        Answer answer = Answer.YES;
        for (RuleCondition condition : conditions) {
            switch (packet.meets(condition)) {
                case YES -> {}
                case NO -> {
                    return Answer.NO;
                }
                case UNKNOWN -> answer = Answer.UNKNOWN;
            }
        }
        return answer;
    }
}
