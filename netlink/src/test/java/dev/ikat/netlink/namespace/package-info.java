@NullMarked
package dev.ikat.netlink.namespace;

import org.jspecify.annotations.NullMarked;
