/**
 * The rights of processes: what {@link dev.ikat.netlink.process.Confinement} starts has the capabilities that it needs
 * and no others.
 */
@NullMarked
package dev.ikat.netlink.process;

import org.jspecify.annotations.NullMarked;
