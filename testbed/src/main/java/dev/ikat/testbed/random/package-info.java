/** Seeded generators: a failure names the seed that repeats it. */
@NullMarked
package dev.ikat.testbed.random;

import org.jspecify.annotations.NullMarked;
