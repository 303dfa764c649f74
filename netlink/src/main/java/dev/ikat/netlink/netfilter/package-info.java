/**
 * The kernel's netfilter by netlink: {@link dev.ikat.netlink.netfilter.Conntrack} reads, marks and deletes tracked
 * connections, {@link dev.ikat.netlink.netfilter.NetfilterLog} reads the packets that rules log,
 * {@link dev.ikat.netlink.netfilter.NftablesMonitor} says when somebody changes nf_tables, and
 * {@link dev.ikat.netlink.netfilter.NftablesSocket} sends transactions of nf_tables on libnftables' own socket.
 */
@NullMarked
package dev.ikat.netlink.netfilter;

import org.jspecify.annotations.NullMarked;
