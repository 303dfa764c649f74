@NullMarked
package dev.ikat.agent.migrate;

import org.jspecify.annotations.NullMarked;
