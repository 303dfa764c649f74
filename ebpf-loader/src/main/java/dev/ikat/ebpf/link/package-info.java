/**
 * Where programs see packets: {@link dev.ikat.ebpf.link.Wires} keeps the programs at the links of pods and of the
 * overlay, {@link dev.ikat.ebpf.link.ForwardLinks} those at netfilter's forward hook. A program is replaced in place,
 * so that no packet meets none.
 */
@NullMarked
package dev.ikat.ebpf.link;

import org.jspecify.annotations.NullMarked;
