package dev.ikat.services.program;

import dev.ikat.model.IpAddress;

/**
 * A socket to which connections to a service are sent: an endpoint's address, and its own port.
 *
 * @param address the endpoint's address, of the same family as the frontend's
 * @param port its port, 1 to 65535
 */
public record Backend(IpAddress address, int port) implements Comparable<Backend> {
    public Backend {
        ServicePortName.requirePort(port);
    }

    /** Orders by address and port. */
    @Override
    public int compareTo(Backend other) {
        int order = address.compareTo(other.address);
        return order != 0 ? order : Integer.compare(port, other.port);
    }

    /** As in {@code 10.1.0.4:8080}. */
    @Override
    public String toString() {
        return ServicePortName.socket(address, port);
    }
}
