package dev.ikat.agent.conformance;

import dev.ikat.agent.conformance.PolicyCase.Apply;
import dev.ikat.agent.conformance.PolicyCase.Edit;
import dev.ikat.agent.conformance.PolicyCase.EndPod;
import dev.ikat.agent.conformance.PolicyCase.ForgetNamespace;
import dev.ikat.agent.conformance.PolicyCase.LabelNamespace;
import dev.ikat.agent.conformance.PolicyCase.LabelPod;
import dev.ikat.agent.conformance.PolicyCase.Remove;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Manifests;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The objects of the cluster, as manifests: namespaces, pods and policies. Every pod has a label {@code pod} with its
 * name as the value, ports named for their number and protocol ({@code serve-80-tcp}), and a and b have one named
 * {@code web} besides: 80 of a, 81 of b. In each namespace there is also a pod on each node that shares the node's
 * network, and has the labels of a.
 */
final class ClusterText {
    /** As in <code>${x/b 4}</code>: the pod's IPv4 address. */
    private static final Pattern ADDRESS = Pattern.compile("\\$\\{([^ }]+) ([46])}");

    private final Function<String, List<IpAddress>> addresses;
    private final Map<String, String> namespaces = new TreeMap<>();
    private final Map<String, String> pods = new TreeMap<>();
    private final Map<String, String> ended = new TreeMap<>();
    private final Map<String, String> policies = new TreeMap<>();

    /**
     * A cluster without policies.
     *
     * @param addresses of each pod and each node, IPv4 and IPv6
     */
    ClusterText(Function<String, List<IpAddress>> addresses) {
        this.addresses = addresses;
        Ends.NAMESPACES.forEach(namespace -> namespaces.put(namespace, "{}"));
        Ends.PODS.forEach(pod -> pods.put(pod, "{pod: " + Ends.nameOf(pod) + "}"));
    }

    void edit(Edit edit) {
        switch (edit) {
            case Apply(String policy, String spec) -> policies.put(policy, resolve(spec));
            case Remove(String policy) -> {
                if (policies.remove(policy) == null) {
                    throw new IllegalArgumentException("there is no policy " + policy + " to remove");
                }
            }
            case LabelPod(String pod, String labels) -> {
                if (pods.put(pod, labels) == null) {
                    throw new IllegalArgumentException("there is no pod " + pod);
                }
            }
            case LabelNamespace(String namespace, String labels) -> namespaces.put(namespace, labels);
            case EndPod(String pod, String labels, String successor) ->
                ended.put(
                        pod,
                        Manifests.endedPod(
                                Ends.namespaceOf(pod),
                                Ends.nameOf(pod),
                                labels,
                                Ends.nodeOf(successor),
                                addresses.apply(successor)));
            case ForgetNamespace(String namespace) -> namespaces.remove(namespace);
        }
    }

    private String resolve(String spec) {
        return ADDRESS.matcher(spec)
                .replaceAll(found -> Matcher.quoteReplacement(
                        address(found.group(1), found.group(2).equals("4") ? IpFamily.IPV4 : IpFamily.IPV6)
                                .toString()));
    }

    IpAddress address(String end, IpFamily family) {
        return addresses.apply(end).stream()
                .filter(address -> address.family() == family)
                .findFirst()
                .orElseThrow();
    }

    /** Every object as it is now. */
    String render() {
        StringBuilder yaml = new StringBuilder();
        namespaces.forEach((name, labels) -> yaml.append(Manifests.namespace(name, labels)));
        pods.forEach((pod, labels) -> yaml.append(pod(pod, labels)));
        ended.values().forEach(yaml::append);
        for (String namespace : Ends.NAMESPACES) {
            for (String node : Ends.NODES) {
                yaml.append(Manifests.hostNetworkPod(namespace, "on-" + node, "{pod: a}", node, addresses.apply(node)));
            }
        }
        policies.forEach((policy, spec) ->
                yaml.append(Manifests.networkPolicy(Ends.namespaceOf(policy), Ends.nameOf(policy), spec)));
        return yaml.toString();
    }

    private String pod(String pod, String labels) {
        StringBuilder ports = new StringBuilder();
        for (Attempt attempt : Attempt.transports()) {
            if (attempt.family() == IpFamily.IPV4) {
                String protocol = attempt.protocol().name();
                ports.append("{name: serve-%d-%s, containerPort: %d, protocol: %s}, "
                        .formatted(
                                attempt.port(), protocol.toLowerCase(java.util.Locale.ROOT), attempt.port(), protocol));
            }
        }
        switch (Ends.nameOf(pod)) {
            case "a" -> ports.append("{name: web, containerPort: 80}");
            case "b" -> ports.append("{name: web, containerPort: 81}");
            default -> {}
        }
        return Manifests.pod(
                Ends.namespaceOf(pod),
                Ends.nameOf(pod),
                labels,
                Ends.nodeOf(pod),
                "[" + ports + "]",
                addresses.apply(pod));
    }
}
