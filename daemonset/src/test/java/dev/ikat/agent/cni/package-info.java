@NullMarked
package dev.ikat.agent.cni;

import org.jspecify.annotations.NullMarked;
