/**
 * Programs that see the system calls of sockets: {@link dev.ikat.ebpf.socket.HostSockets} has connections of the node's
 * own sockets to services begin at a backend, so that none of their packets is translated. They are attached to a
 * control group, {@link dev.ikat.ebpf.socket.ControlGroups} says to which, and share the frontends with the programs at
 * pods' links.
 */
@NullMarked
package dev.ikat.ebpf.socket;

import org.jspecify.annotations.NullMarked;
