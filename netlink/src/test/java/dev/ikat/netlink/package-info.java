/** Tests of the netlink module; those that reach the kernel do so in namespaces of their own. */
@NullMarked
package dev.ikat.netlink;

import org.jspecify.annotations.NullMarked;
