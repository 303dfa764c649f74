/**
 * The dataplane on iptables and ipset, of the legacy or the nft variant: policies, services, masquerade and the source
 * guard, each in chains of its own prefix. There is no stable library, so it runs {@code iptables-restore} and
 * {@code ipset restore} with what they are to do on standard input, never by a shell. The rules of a family change in
 * one commit of the kernel's; sets come before the rules that use them and go after.
 *
 * <p>It implements {@link dev.ikat.dataplane}, and nobody but the agent's registry knows it.
 */
@NullMarked
package dev.ikat.iptables;

import org.jspecify.annotations.NullMarked;
