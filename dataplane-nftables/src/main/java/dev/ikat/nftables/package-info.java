/**
 * The dataplane on nftables: policies, masquerade and the source guard in the one table {@code inet ikat}, each
 * capability under names with a prefix of its own ({@link dev.ikat.nftables.Owner}), which it alone reads, audits and
 * removes. A change is one transaction, run by libnftables or, where only elements of sets change, by the kernel's own
 * messages on libnftables' socket. Where the kernel can, the table belongs to that socket, and nobody else can change
 * it.
 *
 * <p>It implements {@link dev.ikat.dataplane} and speaks netlink by {@link dev.ikat.netlink.netfilter}; nobody but the
 * agent's registry knows it.
 */
@NullMarked
package dev.ikat.nftables;

import org.jspecify.annotations.NullMarked;
