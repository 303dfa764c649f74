@NullMarked
package dev.ikat.nftables;

import org.jspecify.annotations.NullMarked;
