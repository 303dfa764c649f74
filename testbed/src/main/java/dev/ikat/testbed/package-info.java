/**
 * Clusters made of network namespaces, and what tests, demo and benchmarks need around them: namespaces with unique
 * names, processes with time limits, probes that make real connections, conditions that skip with a reason, and seeded
 * generators. The kernel is asked through {@code ip -json}, never through Ikat's own netlink code: this module is the
 * independent witness of what that code did.
 */
@NullMarked
package dev.ikat.testbed;

import org.jspecify.annotations.NullMarked;
