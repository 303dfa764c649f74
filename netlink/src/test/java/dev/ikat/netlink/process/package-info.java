@NullMarked
package dev.ikat.netlink.process;

import org.jspecify.annotations.NullMarked;
