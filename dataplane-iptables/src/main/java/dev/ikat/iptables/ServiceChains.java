package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The chains of services that do not depend on which there are, of one family. In the table nat, sets say whether a
 * packet is for a frontend; only then it comes to the {@link ServiceTree}. In the table filter, sets say how what was
 * not translated is refused.
 *
 * @param family the family
 * @param names what the sets are called
 */
record ServiceChains(IpFamily family, ServiceNames names) {
    /** What every chain's name begins with, and none of another capability's. */
    static final String PREFIX = Chains.PREFIX + "SVC-";

    /** Comes before routing, in the table nat. */
    static final String TRANSLATE = PREFIX + "TRANSLATE";

    /** Comes where packets leave, in the table nat. */
    static final String LEAVING = PREFIX + "LEAVING";

    /** Comes before what is sent or forwarded leaves, in the table filter. */
    static final String PASSING = PREFIX + "PASSING";

    /** Comes before what is for the node itself, in the table filter. */
    static final String ARRIVING = PREFIX + "ARRIVING";

    private static final String UNSERVED = PREFIX + "UNSERVED";
    private static final String INSIDE = PREFIX + "INSIDE";
    private static final String REJECT = PREFIX + "REJECT";

    /**
     * The mark of a packet that gets an address of the node when it leaves: the one that kube-proxy has for that, and
     * the kubelet had, so that nobody else has another use for it.
     */
    private static final String MARK = "0x4000";

    /** Marks a packet. */
    static final String SET_MARK = "-j MARK --set-xmark " + MARK + "/" + MARK;

    /** Matches what the node itself sends; ends in a space. */
    static final String FROM_NODE = "-m addrtype --src-type LOCAL ";

    static boolean owns(String chain) {
        return chain.startsWith(PREFIX);
    }

    private String in(ServiceSet set, String fields) {
        return names.in(set, family, fields);
    }

    /** What the table nat is to have beside the tree. */
    Map<String, List<String>> translation() {
        Map<String, List<String>> chains = new LinkedHashMap<>();
        chains.put(
                TRANSLATE,
                List.of(
                        in(ServiceSet.FRONTENDS, "dst,dst") + "-g " + ServiceTree.ROOT,
                        echoRequest() + in(ServiceSet.ADDRESSES, "dst") + "-j REDIRECT"));
        chains.put(
                LEAVING,
                List.of(
                        // Only what was translated comes from a pod to itself.
                        in(ServiceSet.HAIRPIN, "dst,dst,src") + "-j MASQUERADE --random-fully",
                        "-m mark ! --mark " + MARK + "/" + MARK + " -j RETURN",
                        // Without the mark, which a tunnel's outer packet would have too.
                        "-j MARK --set-xmark 0x0/" + MARK,
                        // What stays on the node has its address.
                        "-o lo -j RETURN",
                        "-j MASQUERADE --random-fully"));
        return chains;
    }

    private String echoRequest() {
        return switch (family) {
            case IPV4 -> "-p icmp -m icmp --icmp-type 8 ";
            case IPV6 -> "-p ipv6-icmp -m icmp6 --icmpv6-type 128 ";
        };
    }

    /** What the table filter is to have. */
    Map<String, List<String>> refusal() {
        Map<String, List<String>> chains = new LinkedHashMap<>();
        // Not what is invalid: a reset would end a connection of somebody else's from the same port.
        String unserved = "-m conntrack --ctstate NEW " + in(ServiceSet.UNSERVED, "dst,dst") + "-g " + UNSERVED;
        chains.put(
                PASSING,
                List.of(
                        "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
                        unserved,
                        in(ServiceSet.ADDRESSES, "dst") + "-g " + REJECT,
                        in(ServiceSet.BLOCKS, "dst") + "-g " + REJECT));
        chains.put(ARRIVING, List.of(unserved));
        chains.put(
                UNSERVED,
                List.of(
                        in(ServiceSet.RANGED, "dst,dst")
                                + names.notIn(ServiceSet.SOURCES, family, "dst,dst,src")
                                + "-j DROP",
                        FROM_NODE + "-g " + INSIDE,
                        in(ServiceSet.PODS, "src") + "-g " + INSIDE,
                        in(ServiceSet.DROPPED_OUTSIDE, "dst,dst") + "-j DROP",
                        "-g " + REJECT));
        chains.put(INSIDE, List.of(in(ServiceSet.DROPPED_INSIDE, "dst,dst") + "-j DROP", "-g " + REJECT));
        chains.put(
                REJECT,
                List.of(
                        "-p tcp -j REJECT --reject-with tcp-reset",
                        switch (family) {
                            case IPV4 -> "-j REJECT --reject-with icmp-port-unreachable";
                            case IPV6 -> "-j REJECT --reject-with icmp6-port-unreachable";
                        }));
        return chains;
    }
}
