/**
 * Network policy in eBPF. The programs are C, in {@code src/main/bpf}; here they are loaded, attached and given what
 * they decide by: a policy program becomes rows of the kernel's maps, so that what a packet costs does not depend on
 * how many policies there are. A change is a transaction: its rows come in force together, with one number. Programs
 * and connections are pinned, so that they outlive the process and a successor takes over without a gap.
 *
 * <p>{@link dev.ikat.ebpf.kernel} calls bpf(2), {@link dev.ikat.ebpf.program} makes the rows,
 * {@link dev.ikat.ebpf.link} attaches, {@link dev.ikat.ebpf.connection} keeps connections,
 * {@link dev.ikat.ebpf.service} and {@link dev.ikat.ebpf.socket} have services. It implements
 * {@link dev.ikat.dataplane}, and nobody but the agent's registry knows it.
 */
@NullMarked
package dev.ikat.ebpf;

import org.jspecify.annotations.NullMarked;
