/**
 * {@code ./dev bench micro}: by JMH, what runs in the agent's process without a kernel and takes nano- or microseconds
 * of an ADD, a policy change or an event of the API. {@link MicroBench} runs the methods that have a {@link Row}.
 */
@NullMarked
package dev.ikat.bench.micro;

import org.jspecify.annotations.NullMarked;
