@NullMarked
package dev.ikat.agent.bgp;

import org.jspecify.annotations.NullMarked;
