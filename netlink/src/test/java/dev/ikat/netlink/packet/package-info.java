@NullMarked
package dev.ikat.netlink.packet;

import org.jspecify.annotations.NullMarked;
