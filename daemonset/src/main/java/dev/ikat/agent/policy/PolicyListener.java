package dev.ikat.agent.policy;

import dev.ikat.policy.program.PolicyChange;

/** Hears from a {@link PolicyKeeper}; to be quick, since pods wait meanwhile. */
public interface PolicyListener {
    /** {@link PolicyKeeper#reconcile} is needed. */
    void needed();

    /** This has come in force. */
    void inForce(PolicyChange change);

    /** Everything was put in force anew, and nobody knows what was before. */
    void allInForce();
}
