@NullMarked
package dev.ikat.agent.announce;

import org.jspecify.annotations.NullMarked;
