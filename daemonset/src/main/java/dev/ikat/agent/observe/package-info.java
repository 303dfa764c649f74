/** What can be seen of the agent from outside: metrics, health and readiness over HTTP. */
@NullMarked
package dev.ikat.agent.observe;

import org.jspecify.annotations.NullMarked;
