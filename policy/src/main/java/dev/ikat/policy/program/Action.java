package dev.ikat.policy.program;

/** What a rule does with what it matches. */
public enum Action {
    /** It may pass, whatever later tiers say. */
    ACCEPT,
    /** It is dropped. */
    DENY,
    /** This tier has nothing more to say; the next one is asked. */
    PASS
}
