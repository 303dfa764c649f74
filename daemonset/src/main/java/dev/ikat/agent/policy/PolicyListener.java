package dev.ikat.agent.policy;

import dev.ikat.policy.program.PolicyChange;

/** Receives events of a {@link PolicyKeeper}. Calls have to be quick, because pods wait in the meantime. */
public interface PolicyListener {
    /** {@link PolicyKeeper#reconcile} is needed. */
    void needed();

    /** This change has come in force. */
    void inForce(PolicyChange change);

    /** Everything was put in force again, and it is not known what was in force before. */
    void allInForce();
}
