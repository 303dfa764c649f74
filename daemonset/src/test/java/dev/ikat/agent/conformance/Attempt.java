package dev.ikat.agent.conformance;

import dev.ikat.model.IpFamily;
import dev.ikat.testbed.traffic.Probe;
import java.util.ArrayList;
import java.util.List;

/**
 * One kind of connection that may be made between any two ends.
 *
 * @param protocol the protocol
 * @param port the receiving port, 0 for ICMP
 * @param family the family of both addresses
 */
record Attempt(Probe.Protocol protocol, int port, IpFamily family) {
    private static final List<Integer> PORTS = List.of(80, 81);
    private static final List<Probe.Protocol> TRANSPORTS =
            List.of(Probe.Protocol.TCP, Probe.Protocol.UDP, Probe.Protocol.SCTP);

    /** Of every protocol with ports, on each of the two ports, in both families. */
    static List<Attempt> transports() {
        List<Attempt> all = new ArrayList<>();
        for (Probe.Protocol protocol : TRANSPORTS) {
            for (int port : PORTS) {
                for (IpFamily family : IpFamily.values()) {
                    all.add(new Attempt(protocol, port, family));
                }
            }
        }
        return all;
    }

    /** Pings, in both families. */
    static List<Attempt> pings() {
        return List.of(
                new Attempt(Probe.Protocol.ICMP, 0, IpFamily.IPV4), new Attempt(Probe.Protocol.ICMP, 0, IpFamily.IPV6));
    }

    /** Whether a word of a case means it: {@code TCP}, {@code TCP/80}, {@code IPv4}. */
    boolean isMeantBy(String word) {
        return word.equals(protocol.name()) || word.equals(protocol + "/" + port) || word.equals(familyName());
    }

    private String familyName() {
        return family == IpFamily.IPV4 ? "IPv4" : "IPv6";
    }

    @Override
    public String toString() {
        return (port == 0 ? protocol.name() : protocol + "/" + port) + " " + familyName();
    }
}
