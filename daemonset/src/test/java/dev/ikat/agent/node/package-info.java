@NullMarked
package dev.ikat.agent.node;

import org.jspecify.annotations.NullMarked;
