@NullMarked
package dev.ikat.netlink.diag;

import org.jspecify.annotations.NullMarked;
