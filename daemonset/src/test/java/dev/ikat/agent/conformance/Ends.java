package dev.ikat.agent.conformance;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.List;

/** Who connects: the pods a, b and c of the namespaces x, y and z, dealt to two nodes, and the nodes themselves. */
final class Ends {
    static final List<String> NAMESPACES = List.of("x", "y", "z");
    static final List<String> NODES = List.of("node-1", "node-2");
    static final List<String> PODS = pods();

    private Ends() {}

    private static List<String> pods() {
        List<String> pods = new ArrayList<>();
        for (String namespace : NAMESPACES) {
            for (String name : List.of("a", "b", "c")) {
                pods.add(namespace + "/" + name);
            }
        }
        return List.copyOf(pods);
    }

    static boolean isNode(String end) {
        return NODES.contains(end);
    }

    /** The node that an end is on; neighbours in the table are on different ones. */
    static String nodeOf(String end) {
        return isNode(end) ? end : NODES.get(PODS.indexOf(end) % NODES.size());
    }

    /**
     * With what source an end speaks to another: its own address, but a node with its tunnel's, the first of its pods'
     * block, to pods on other nodes.
     */
    static IpAddress source(String from, String to, IpFamily family, IpAddress own) {
        if (!isNode(from) || isNode(to) || nodeOf(to).equals(from)) {
            return own;
        }
        int number = NODES.indexOf(from) + 1;
        return IpAddress.parse((family == IpFamily.IPV4 ? "10.244.%d.0" : "fd00:10:244:%d::").formatted(number));
    }

    static String namespaceOf(String pod) {
        return pod.substring(0, pod.indexOf('/'));
    }

    static String nameOf(String pod) {
        return pod.substring(pod.indexOf('/') + 1);
    }
}
