/**
 * Network namespaces: {@link dev.ikat.netlink.namespace.NetworkNamespace} runs something inside one on a thread of its
 * own, {@link dev.ikat.netlink.namespace.Sysctl} reads and writes the parameters of the one that the caller is in. A
 * thread that can't come back to its own namespace is never used again.
 */
@NullMarked
package dev.ikat.netlink.namespace;

import org.jspecify.annotations.NullMarked;
