@NullMarked
package dev.ikat.agent.server;

import org.jspecify.annotations.NullMarked;
