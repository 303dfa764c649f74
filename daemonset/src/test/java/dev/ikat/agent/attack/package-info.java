/**
 * What a pod may try that has raw sockets and rules over its own network namespace, on real nodes of each backend: the
 * rows of docs/security.md.
 */
@NullMarked
package dev.ikat.agent.attack;

import org.jspecify.annotations.NullMarked;
