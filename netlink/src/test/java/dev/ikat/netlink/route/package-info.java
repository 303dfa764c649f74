@NullMarked
package dev.ikat.netlink.route;

import org.jspecify.annotations.NullMarked;
