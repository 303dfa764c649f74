@NullMarked
package dev.ikat.agent.host;

import org.jspecify.annotations.NullMarked;
