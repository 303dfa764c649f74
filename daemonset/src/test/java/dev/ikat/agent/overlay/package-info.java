@NullMarked
package dev.ikat.agent.overlay;

import org.jspecify.annotations.NullMarked;
