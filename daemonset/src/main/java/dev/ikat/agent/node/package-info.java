/**
 * The node's own network: what its Node object says, forwarding, overlay, masquerade, and the leases and files that its
 * pods depend on. What is missing or wrong is reported and made again; nothing that runs is taken away for it.
 */
@NullMarked
package dev.ikat.agent.node;

import org.jspecify.annotations.NullMarked;
