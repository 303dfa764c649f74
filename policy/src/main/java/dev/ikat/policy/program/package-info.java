/**
 * What one node has to enforce, as values: for each pod and direction the tiers of rules, and the address sets that the
 * rules share. A {@link dev.ikat.policy.program.PolicyChange} leads from one
 * {@link dev.ikat.policy.program.PolicyProgram} to the next; a dataplane puts it into the kernel.
 */
@NullMarked
package dev.ikat.policy.program;

import org.jspecify.annotations.NullMarked;
