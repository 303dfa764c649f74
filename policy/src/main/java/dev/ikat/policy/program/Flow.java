package dev.ikat.policy.program;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Objects;

/**
 * The first packet of a connection as it crosses the node. Its addresses are those of the two ends: before masquerade
 * of the source, and after translation of a service's address.
 *
 * @param source the address that opens the connection
 * @param destination the address that is to answer, of the same family
 * @param ipProtocol the protocol's number, 0 to 255 (IANA, Assigned Internet Protocol Numbers)
 * @param destinationPort the receiving port, 0 to 65535; 0 for a protocol without ports
 */
public record Flow(IpAddress source, IpAddress destination, int ipProtocol, int destinationPort) {
    /** IP protocol 1. */
    public static final int ICMP = 1;
    /** IP protocol 58. */
    public static final int ICMPV6 = 58;

    public Flow {
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(destination, "destination");
        if (source.family() != destination.family()) {
            throw new IllegalArgumentException(
                    "invalid flow: " + source + " is not of the address family of " + destination);
        }
        if (ipProtocol < 0 || ipProtocol > 255) {
            throw new IllegalArgumentException(ipProtocol + " is not an IP protocol: it has to be 0 to 255");
        }
        if (destinationPort < 0 || destinationPort > 65535) {
            throw new IllegalArgumentException(destinationPort + " is not a port: it has to be 0 to 65535");
        }
    }

    /** A connection of a transport protocol. */
    public static Flow of(IpAddress source, IpAddress destination, Protocol protocol, int destinationPort) {
        return new Flow(source, destination, protocol.number(), destinationPort);
    }

    /** An echo request, of ICMP or ICMPv6. */
    public static Flow ping(IpAddress source, IpAddress destination) {
        return new Flow(source, destination, source.family() == IpFamily.IPV4 ? ICMP : ICMPV6, 0);
    }

    /** As in {@code 10.1.0.2 -> 10.1.0.3 TCP/80} or {@code 10.1.0.2 -> 10.1.0.3 ICMP}. */
    @Override
    public String toString() {
        return source + " -> " + destination + " " + protocolText();
    }

    private String protocolText() {
        for (Protocol protocol : Protocol.values()) {
            if (protocol.number() == ipProtocol) {
                return protocol + "/" + destinationPort;
            }
        }
        return switch (ipProtocol) {
            case ICMP -> "ICMP";
            case ICMPV6 -> "ICMPv6";
            default -> "protocol " + ipProtocol;
        };
    }
}
