@NullMarked
package dev.ikat.agent.policy;

import org.jspecify.annotations.NullMarked;
