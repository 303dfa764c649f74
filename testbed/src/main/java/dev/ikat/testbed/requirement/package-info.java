/** Conditions of tests, which skip with the reason: root, a program, a package, a feature of the kernel. */
@NullMarked
package dev.ikat.testbed.requirement;

import org.jspecify.annotations.NullMarked;
