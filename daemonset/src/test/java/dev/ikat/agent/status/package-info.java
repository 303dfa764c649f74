@NullMarked
package dev.ikat.agent.status;

import org.jspecify.annotations.NullMarked;
