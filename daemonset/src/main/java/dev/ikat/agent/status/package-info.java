/** How the agent is, as a question on its socket answers. */
@NullMarked
package dev.ikat.agent.status;

import org.jspecify.annotations.NullMarked;
