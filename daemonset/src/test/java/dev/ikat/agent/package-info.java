@NullMarked
package dev.ikat.agent;

import org.jspecify.annotations.NullMarked;
