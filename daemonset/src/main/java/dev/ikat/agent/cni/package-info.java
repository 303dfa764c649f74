/**
 * What the container runtime sees of the agent beside the answers to its requests: the network configuration, the
 * plugin's files, and how long each step of a request takes.
 */
@NullMarked
package dev.ikat.agent.cni;

import org.jspecify.annotations.NullMarked;
