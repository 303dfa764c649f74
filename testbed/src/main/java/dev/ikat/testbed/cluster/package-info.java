/**
 * Nodes and pods made of network namespaces, wired by the real plugin as a runtime calls it; container runtimes and a
 * container engine of their own.
 */
@NullMarked
package dev.ikat.testbed.cluster;

import org.jspecify.annotations.NullMarked;
