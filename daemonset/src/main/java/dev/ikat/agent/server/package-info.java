/**
 * The agent's side of the launcher protocol: a Unix socket that only root may use, one request a connection, the
 * requests of one container in the order in which they arrived.
 */
@NullMarked
package dev.ikat.agent.server;

import org.jspecify.annotations.NullMarked;
