/**
 * What every {@link dev.ikat.dataplane.PolicyBackend} has to pass, on the kernel and with real packets: a contract of
 * single cases, and random programs against the evaluator. Each backend's own tests extend these, in a subclass of a
 * few lines. Only tests and benchmarks use it.
 */
@NullMarked
package dev.ikat.backendtests;

import org.jspecify.annotations.NullMarked;
