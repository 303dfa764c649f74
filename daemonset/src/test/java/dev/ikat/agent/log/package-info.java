@NullMarked
package dev.ikat.agent.log;

import org.jspecify.annotations.NullMarked;
