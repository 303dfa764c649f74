@NullMarked
package dev.ikat.agent.dataplane;

import org.jspecify.annotations.NullMarked;
