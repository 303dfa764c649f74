package dev.ikat.agent.reconcile;

import dev.ikat.agent.reconcile.ReconcileLoop.Reconciliation;

/** Where those who reconcile a part of the node register, so that nobody has to know all of them. */
@FunctionalInterface
public interface Reconciliations {
    /**
     * The part is reconciled this way, after those that were registered before.
     *
     * @throws IllegalStateException if it is already registered, or too late
     */
    void register(Readiness.Part part, Reconciliation reconciliation);
}
