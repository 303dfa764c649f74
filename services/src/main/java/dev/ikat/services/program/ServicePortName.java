package dev.ikat.services.program;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;

/**
 * Names a port of a service.
 *
 * @param namespace the service's namespace
 * @param service the service's name
 * @param port the port's name; empty if it has none
 */
public record ServicePortName(String namespace, String service, String port) {
    static void requirePort(int port) {
        if (port < 1 || port > 65_535) {
            throw new IllegalArgumentException("a port is 1 to 65535, not " + port);
        }
    }

    static String socket(IpAddress address, int port) {
        return address.family() == IpFamily.IPV6 ? "[" + address + "]:" + port : address + ":" + port;
    }

    /** As in {@code default/web:http}, or {@code default/web} for a port without a name. */
    @Override
    public String toString() {
        return namespace + "/" + service + (port.isEmpty() ? "" : ":" + port);
    }
}
