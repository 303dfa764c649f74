@NullMarked
package dev.ikat.bgp;

import org.jspecify.annotations.NullMarked;
