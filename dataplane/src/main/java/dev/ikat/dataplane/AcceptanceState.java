package dev.ikat.dataplane;

import dev.ikat.model.Cidr;
import java.util.List;
import java.util.OptionalInt;

/**
 * What the host's own firewall has to accept besides the packets of pods of this node.
 *
 * @param tunnelPort the UDP port of the tunnels from other nodes; empty where there are none
 * @param routed the blocks of other nodes' pods to which no tunnel leads: packets of services, for one, come in and go
 *     out by the same link on their way there and back
 */
public record AcceptanceState(OptionalInt tunnelPort, List<Cidr> routed) {
    public AcceptanceState {
        routed = List.copyOf(routed);
    }
}
