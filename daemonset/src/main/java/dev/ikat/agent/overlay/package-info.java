/**
 * Pods of other nodes within reach: {@link dev.ikat.agent.overlay.OverlayPlanner} turns the nodes' addresses and pod
 * CIDRs into an {@link dev.ikat.agent.overlay.OverlayState}, a value; {@link dev.ikat.agent.overlay.OverlayReconciler}
 * makes the kernel equal to it. Every node computes the same from the same node objects, so none has to publish
 * anything.
 */
@NullMarked
package dev.ikat.agent.overlay;

import org.jspecify.annotations.NullMarked;
