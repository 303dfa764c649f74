package dev.ikat.agent.reconcile;

import dev.ikat.agent.reconcile.ReconcileLoop.Reconciliation;

/** Where those who keep a part of the node in order say how, so that nobody has to know them all. */
@FunctionalInterface
public interface Reconciliations {
    /**
     * The part is looked at this way, after those that were registered before.
     *
     * @throws IllegalStateException if it is registered already, or too late
     */
    void register(Readiness.Part part, Reconciliation reconciliation);
}
