@NullMarked
package dev.ikat.agent.firewall;

import org.jspecify.annotations.NullMarked;
