/**
 * What another CNI plugin has left on a host that it no longer serves: finds it, and removes it on demand. An object
 * counts only if its name and its kind are surely that plugin's, and what a running pod uses is never taken away. It
 * knows nothing of the agent that runs.
 */
@NullMarked
package dev.ikat.agent.migrate;

import org.jspecify.annotations.NullMarked;
