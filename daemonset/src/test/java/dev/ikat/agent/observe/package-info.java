@NullMarked
package dev.ikat.agent.observe;

import org.jspecify.annotations.NullMarked;
