/**
 * BIRD, which speaks BGP for a node. {@link dev.ikat.bgp.bird.BirdConfig} writes a {@link dev.ikat.bgp.Speaker} as its
 * configuration; {@link dev.ikat.bgp.bird.Bird} has it checked, put in force and kept running, and asks through its
 * control socket what has become of the sessions. No text of an object gets into a configuration but by
 * {@link dev.ikat.bgp.bird.BirdText}, which refuses what could end a string or a name.
 */
@NullMarked
package dev.ikat.bgp.bird;

import org.jspecify.annotations.NullMarked;
