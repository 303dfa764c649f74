/**
 * Netlink as bytes (netlink(7), {@code linux/netlink.h}): sockets, a writer and a reader of messages, and the C
 * library's system calls below them. The writer fills in every length, so what it makes is well formed; the reader
 * trusts no length that it is told. Knows no kind of object; {@link dev.ikat.netlink.route} and
 * {@link dev.ikat.netlink.netfilter} do, and nobody outside of this module uses it.
 */
@NullMarked
package dev.ikat.netlink.wire;

import org.jspecify.annotations.NullMarked;
