/**
 * Nodes that are containers of the image, started by Testcontainers on a dockerd of the test's own, beside an API. What
 * the manifest gives the agent, they have, and nothing more.
 */
@NullMarked
package dev.ikat.agent.nodes;

import org.jspecify.annotations.NullMarked;
