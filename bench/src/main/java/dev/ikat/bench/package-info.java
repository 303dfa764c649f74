/**
 * Ikat's benchmarks, by {@code ./dev bench}: each compares with a peer in the same run, and quotes ratios. Figures are
 * no tests: a machine that is busy makes none of them fail but their own aims. The module stands on everything else,
 * and nothing stands on it. {@code dev.ikat.bench.micro} has what JMH measures; the other programs are subcommands of
 * {@link Bench}.
 */
@NullMarked
package dev.ikat.bench;

import org.jspecify.annotations.NullMarked;
