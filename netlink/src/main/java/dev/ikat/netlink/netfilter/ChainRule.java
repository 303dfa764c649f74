package dev.ikat.netlink.netfilter;

/**
 * A rule of nf_tables, as far as it can be said what becomes of a packet that none of its conditions is about.
 *
 * @param chain the chain that it is in
 * @param effect what it does
 * @param target the chain that it leads to, for {@link Effect#JUMP} and {@link Effect#GOTO}; otherwise empty
 */
public record ChainRule(String chain, Effect effect, String target) {
    /** What a rule does. */
    public enum Effect {
        /** It has conditions, so that what it does depends on the packet. */
        CONDITIONAL,
        /** It decides nothing, such as one that only counts or logs. */
        NONE,
        /** It drops or rejects every packet. */
        REFUSE,
        /** It accepts every packet, or hands it to a program. */
        ACCEPT,
        /** It ends its chain. */
        RETURN,
        /** It goes through another chain first. */
        JUMP,
        /** It goes on in another chain. */
        GOTO
    }
}
