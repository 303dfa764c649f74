/**
 * The kernel's network configuration, spoken to in its own protocol. {@link dev.ikat.netlink.Rtnetlink} executes
 * batches of {@link dev.ikat.netlink.Request}s and reads links, addresses, routes, neighbours, forwarding entries and
 * rules as values; {@link dev.ikat.netlink.RouteMonitor} says what changed. {@link dev.ikat.netlink.Conntrack} reads
 * and deletes tracked connections, {@link dev.ikat.netlink.NetfilterLog} reads what rules log,
 * {@link dev.ikat.netlink.NftablesMonitor} says when somebody changes nf_tables.
 * {@link dev.ikat.netlink.NetworkNamespace} reaches the same in another network namespace. Below them lie a message
 * writer and a reader that trusts no length it is told.
 *
 * <p>Names of constants are those of the uapi headers ({@code linux/netlink.h}, {@code linux/rtnetlink.h},
 * {@code linux/if_link.h}, ...), each class citing its own.
 */
@NullMarked
package dev.ikat.netlink;

import org.jspecify.annotations.NullMarked;
