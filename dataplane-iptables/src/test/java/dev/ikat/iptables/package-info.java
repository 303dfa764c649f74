@NullMarked
package dev.ikat.iptables;

import org.jspecify.annotations.NullMarked;
