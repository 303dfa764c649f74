/**
 * The sockets of a network namespace, as the kernel describes them by netlink: {@link dev.ikat.netlink.diag.SocketDiag}
 * lists those of UDP that are connected, and ends some of them.
 */
@NullMarked
package dev.ikat.netlink.diag;

import org.jspecify.annotations.NullMarked;
