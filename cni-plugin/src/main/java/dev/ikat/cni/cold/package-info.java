/**
 * The plugin in a JVM of its own, for when no agent answers. It tears pods down and tells how things are; it wires a
 * pod only where the network configuration says {@code "standalone": true}.
 */
@NullMarked
package dev.ikat.cni.cold;

import org.jspecify.annotations.NullMarked;
