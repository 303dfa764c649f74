/** Real connections and packets between namespaces, made by a small static program, and what came of them. */
@NullMarked
package dev.ikat.testbed.traffic;

import org.jspecify.annotations.NullMarked;
