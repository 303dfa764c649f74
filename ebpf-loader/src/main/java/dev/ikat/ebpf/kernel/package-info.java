/**
 * What the kernel offers: the system call bpf(2) by the JDK's foreign function interface, the object file that libbpf
 * loads, pins, and rows of maps as {@code src/main/bpf/maps.h} has them. A failure is a
 * {@link dev.ikat.ebpf.kernel.BpfException} with the kernel's error number. Knows nothing of policies but how their
 * values look as bytes.
 */
@NullMarked
package dev.ikat.ebpf.kernel;

import org.jspecify.annotations.NullMarked;
