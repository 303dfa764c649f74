/**
 * The kernel's network configuration, spoken to in its own protocol. {@link dev.ikat.netlink.route} has links,
 * addresses and routes, {@link dev.ikat.netlink.netfilter} connections, packet logs and nf_tables,
 * {@link dev.ikat.netlink.diag} sockets, {@link dev.ikat.netlink.namespace} reaches the same in another network
 * namespace, and {@link dev.ikat.netlink.wire} is what they all speak. Here is what they share: a
 * {@link dev.ikat.netlink.Request}, the kernel's error numbers, and the exception that carries one. Nothing is kept
 * between two calls: what is true is what the kernel says. It stands on {@link dev.ikat.model} alone.
 *
 * <p>Names of constants are those of the uapi headers ({@code linux/netlink.h}, {@code linux/rtnetlink.h},
 * {@code linux/if_link.h}, ...), each class citing its own.
 */
@NullMarked
package dev.ikat.netlink;

import org.jspecify.annotations.NullMarked;
