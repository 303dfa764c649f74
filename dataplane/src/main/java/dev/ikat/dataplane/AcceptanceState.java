package dev.ikat.dataplane;

import java.util.OptionalInt;

/**
 * What the host's own firewall has to accept besides the packets of pods.
 *
 * @param tunnelPort the UDP port of the tunnels from other nodes; empty where there are none
 */
public record AcceptanceState(OptionalInt tunnelPort) {}
