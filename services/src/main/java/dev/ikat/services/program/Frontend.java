package dev.ikat.services.program;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;

/**
 * Where connections to a service arrive.
 *
 * @param address the destination address, of this node for a node port
 * @param protocol the transport protocol
 * @param port the destination port, 1 to 65535
 */
public record Frontend(IpAddress address, Protocol protocol, int port) implements Comparable<Frontend> {
    public Frontend {
        ServicePortName.requirePort(port);
    }

    /** Orders by address, protocol and port. */
    @Override
    public int compareTo(Frontend other) {
        int order = address.compareTo(other.address);
        if (order == 0) {
            order = protocol.compareTo(other.protocol);
        }
        return order != 0 ? order : Integer.compare(port, other.port);
    }

    /** As in {@code 10.96.0.10:53/UDP} or {@code [fd00::a]:53/UDP}. */
    @Override
    public String toString() {
        return ServicePortName.socket(address, port) + "/" + protocol;
    }
}
