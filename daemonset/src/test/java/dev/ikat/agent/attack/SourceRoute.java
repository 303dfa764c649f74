package dev.ikat.agent.attack;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.traffic.Crafted;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Packets that name more than one destination: the node's in the header, and behind it another one. */
@FunctionalInterface
interface SourceRoute {
    /** A datagram that goes to {@code first} first. */
    byte[] around(IpAddress from, IpAddress first, int port, byte[] payload);

    /** Loose and strict source routes (RFC 791, section 3.1) whose next hop is this one. */
    static Map<String, SourceRoute> optionsTo(IpAddress last) {
        Map<String, SourceRoute> routes = new LinkedHashMap<>();
        Map.of("loose source route", 131, "strict source route", 137).forEach((name, type) -> {
            byte[] option = Crafted.join(new byte[] {(byte) (int) type, 7, 4}, last.toBytes(), new byte[1]);
            routes.put(
                    name,
                    (from, first, port, payload) ->
                            Crafted.header(from, first, Crafted.UDP, 0, option, Crafted.udp(7000, port, payload)));
        });
        return routes;
    }

    /**
     * Routing headers of each kind with one segment left: deprecated (0), of Mobile IPv6 (2), RPL (3), and of segment
     * routing (4).
     *
     * @param own what segment routing's list begins with, its last segment
     */
    static Map<String, SourceRoute> headersTo(IpAddress last, IpAddress own) {
        Map<String, SourceRoute> routes = new LinkedHashMap<>();
        for (int type : new int[] {0, 2, 3, 4}) {
            byte[] list = type == 4 ? Crafted.join(last.toBytes(), own.toBytes()) : last.toBytes();
            byte[] header = Crafted.join(
                    new byte[] {Crafted.UDP, (byte) (list.length / 8), (byte) type, 1, type == 4 ? (byte) 1 : 0, 0, 0, 0
                    },
                    list);
            // The checksum is to be the one of the packet at its last destination (RFC 8200, section 8.1); one that is
            // right at the first gets it past connection tracking there.
            for (boolean rightAtLast : new boolean[] {true, false}) {
                routes.put(
                        "routing header %d, checksum of the %s".formatted(type, rightAtLast ? "last" : "first"),
                        (from, first, port, payload) -> {
                            byte[] summed = Crafted.ip(
                                    from, rightAtLast ? last : first, Crafted.UDP, Crafted.udp(7000, port, payload));
                            byte[] datagram = Arrays.copyOfRange(summed, 40, summed.length);
                            return Crafted.header(
                                    from, first, Crafted.ROUTING, 0, new byte[0], Crafted.join(header, datagram));
                        });
            }
        }
        return routes;
    }
}
