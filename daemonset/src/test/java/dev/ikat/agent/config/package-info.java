@NullMarked
package dev.ikat.agent.config;

import org.jspecify.annotations.NullMarked;
