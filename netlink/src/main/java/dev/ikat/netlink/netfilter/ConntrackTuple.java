package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import java.util.Objects;
import java.util.Optional;

/**
 * The addresses and ports of one direction of a connection.
 *
 * @param source the packets' source
 * @param destination the packets' destination, of the same family
 * @param protocol the IP protocol's number
 * @param sourcePort 0 for a protocol without ports
 * @param destinationPort 0 for a protocol without ports
 * @param icmp distinguishes an ICMP or ICMPv6 query from others
 */
public record ConntrackTuple(
        IpAddress source,
        IpAddress destination,
        int protocol,
        int sourcePort,
        int destinationPort,
        Optional<IcmpQuery> icmp) {
    public ConntrackTuple {
        Objects.requireNonNull(icmp, "icmp");
        if (source.family() != destination.family()) {
            throw new IllegalArgumentException(
                    "invalid connection: " + source + " is not of the address family of " + destination);
        }
        if ((protocol & ~0xff) != 0 || (sourcePort & ~0xffff) != 0 || (destinationPort & ~0xffff) != 0) {
            throw new IllegalArgumentException("invalid protocol " + protocol + " or ports " + sourcePort + " and "
                    + destinationPort + ": they don't fit a packet's header");
        }
    }

    /**
     * A query of ICMP or ICMPv6.
     *
     * @param id the identifier in its header
     * @param type its type
     * @param code its code
     */
    public record IcmpQuery(int id, int type, int code) {}

    /** As in {@code protocol 6 10.1.0.2 port 4711 -> 10.2.0.3 port 80}. */
    @Override
    public String toString() {
        return "protocol " + protocol + " " + end(source, sourcePort) + " -> " + end(destination, destinationPort)
                + icmp.map(query -> " id " + query.id()).orElse("");
    }

    private static String end(IpAddress address, int port) {
        return port == 0 ? address.toString() : address + " port " + port;
    }
}
