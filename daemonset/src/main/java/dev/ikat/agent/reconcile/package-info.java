/**
 * Reconcile, then watch, then distrust: {@link dev.ikat.agent.reconcile.ReconcileLoop} runs the parts' comparisons on
 * one thread, {@link dev.ikat.agent.reconcile.KernelWatch} and {@link dev.ikat.agent.reconcile.FileWatch} say when
 * something changed, and {@link dev.ikat.agent.reconcile.Readiness} what the node still waits for. Knows no part; each
 * part knows it.
 */
@NullMarked
package dev.ikat.agent.reconcile;

import org.jspecify.annotations.NullMarked;
