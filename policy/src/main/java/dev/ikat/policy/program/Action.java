package dev.ikat.policy.program;

/** What a rule does with the packets that it matches. */
public enum Action {
    /** The packet may pass, whatever later tiers say. */
    ACCEPT,
    /** The packet is dropped. */
    DENY,
    /** This tier has nothing more to say; the next one is asked. */
    PASS
}
