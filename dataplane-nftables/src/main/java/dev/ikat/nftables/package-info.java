/**
 * What Ikat asks of nftables. {@link dev.ikat.nftables.Nftables} runs transactions in libnftables' JSON form;
 * {@link dev.ikat.nftables.Masquerade} keeps one table that hides pod addresses from everything outside the cluster.
 * Nothing outside this package knows that nftables does it.
 */
@NullMarked
package dev.ikat.nftables;

import org.jspecify.annotations.NullMarked;
