@NullMarked
package dev.ikat.cni;

import org.jspecify.annotations.NullMarked;
