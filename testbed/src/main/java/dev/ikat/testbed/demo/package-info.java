/** The demonstration: two nodes and four pods, with and without policies. */
@NullMarked
package dev.ikat.testbed.demo;

import org.jspecify.annotations.NullMarked;
