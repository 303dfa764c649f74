/**
 * The Container Network Interface (CNI), versions 0.3.1 to 1.1.0: requests are read and validated here, the verbs
 * carried out, and results and errors written in the version that was asked for. {@link dev.ikat.cni.CniPlugin} is
 * served by the node agent and, where that is down, by a JVM of its own; {@link dev.ikat.cni.PodNetwork} is what
 * differs between them. Section names in the comments are those of the CNI specification, SPEC.md.
 */
@NullMarked
package dev.ikat.cni;

import org.jspecify.annotations.NullMarked;
