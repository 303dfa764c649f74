/**
 * What can filter a node's packets, whatever the technology: a {@link dev.ikat.dataplane.Dataplane} has capabilities
 * (policies, masquerade, the source guard, acceptance by the host's own firewall), and each capability is an interface
 * of a few methods that puts a value into force in one step, compares it with the kernel, and takes it away again. Two
 * dataplanes may have the same capability in force at once: then the stricter holds, so that one replaces the other
 * without a gap. Names that the technologies share (causes of drops, prefixes of logged packets) are here too, and
 * reach the programs in C by a generated header. It stands on {@link dev.ikat.policy.program}; nftables, iptables and
 * eBPF implement it; the agent uses nothing else of them.
 */
@NullMarked
package dev.ikat.dataplane;

import org.jspecify.annotations.NullMarked;
