/** That what stands in for a backend passes what every backend has to. */
@NullMarked
package dev.ikat.backendtests;

import org.jspecify.annotations.NullMarked;
