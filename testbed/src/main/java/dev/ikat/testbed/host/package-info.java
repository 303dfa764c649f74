/**
 * What tests need of the machine: network namespaces and directories with unique names, processes with time limits, and
 * the removal of all of it, also of what a killed run left.
 */
@NullMarked
package dev.ikat.testbed.host;

import org.jspecify.annotations.NullMarked;
