@NullMarked
package dev.ikat.bgp.bird;

import org.jspecify.annotations.NullMarked;
