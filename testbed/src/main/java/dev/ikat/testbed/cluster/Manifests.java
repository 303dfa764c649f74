package dev.ikat.testbed.cluster;

import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Kubernetes objects as YAML documents, each with the line that separates it from the one before. Labels and ports are
 * texts in YAML's flow style: <code>{app: web}</code>.
 */
public final class Manifests {
    private Manifests() {}

    /** A namespace. */
    public static String namespace(String name, String labels) {
        return """
                ---
                apiVersion: v1
                kind: Namespace
                metadata: {name: %s, labels: %s}
                """.formatted(name, labels);
    }

    /**
     * A pod on its node; one without addresses is pending, as it is for a kubelet before ADD.
     *
     * @param ports the ports of its container, a list
     */
    public static String pod(
            String namespace, String name, String labels, String node, String ports, List<IpAddress> addresses) {
        String ips = addresses.stream()
                .map(address -> "{ip: \"" + address + "\"}")
                .collect(Collectors.joining(", ", "[", "]"));
        return """
                ---
                apiVersion: v1
                kind: Pod
                metadata: {namespace: %s, name: %s, labels: %s}
                spec: {nodeName: %s, containers: [{name: server, ports: %s}]}
                status: {phase: %s, podIPs: %s}
                """.formatted(namespace, name, labels, node, ports, addresses.isEmpty() ? "Pending" : "Running", ips);
    }

    /** A running pod that shares its node's network, and therefore has the node's addresses. */
    public static String hostNetworkPod(
            String namespace, String name, String labels, String node, List<IpAddress> addresses) {
        return pod(namespace, name, labels, node, "[]", addresses)
                .replace("spec: {nodeName:", "spec: {hostNetwork: true, nodeName:");
    }

    /** A pod that has ended: its addresses, which are still in its status, may be another pod's by now. */
    public static String endedPod(
            String namespace, String name, String labels, String node, List<IpAddress> addresses) {
        return pod(namespace, name, labels, node, "[]", addresses).replace("phase: Running", "phase: Succeeded");
    }

    /**
     * A network policy.
     *
     * @param spec the lines of its specification
     */
    public static String networkPolicy(String namespace, String name, String spec) {
        return """
                ---
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {namespace: %s, name: %s}
                spec:
                %s""".formatted(namespace, name, spec.indent(2));
    }
}
