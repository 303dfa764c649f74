/** How log lines look, for people and for programs: whatever is in them, each is one line of printable characters. */
@NullMarked
package dev.ikat.agent.log;

import org.jspecify.annotations.NullMarked;
