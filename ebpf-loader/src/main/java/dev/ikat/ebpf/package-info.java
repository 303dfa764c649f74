/**
 * Network policy in eBPF. The programs are C, in {@code src/main/bpf}; here they are loaded, attached and given what
 * they decide by: a policy program becomes rows of the kernel's maps, so that what a packet costs does not depend on
 * how many policies there are. A change is a transaction: its rows come in force together, with one number.
 */
@NullMarked
package dev.ikat.ebpf;

import org.jspecify.annotations.NullMarked;
