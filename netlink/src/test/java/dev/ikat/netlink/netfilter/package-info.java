@NullMarked
package dev.ikat.netlink.netfilter;

import org.jspecify.annotations.NullMarked;
