package dev.ikat.policy.compiler;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.Peer;
import dev.ikat.cluster.NetworkPolicy.PortMatch;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Endpoint;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Short ways to say what a cluster has, for tests. */
public final class ClusterText {
    private ClusterText() {}

    /** A running pod of one address; labels as key, value, key, value. */
    public static Pod pod(String namespace, String name, String address, String... labels) {
        return new Pod(
                namespace,
                name,
                Labels.of(labels),
                Optional.of("node"),
                address.isEmpty() ? List.of() : List.of(IpAddress.parse(address)),
                false,
                Pod.Phase.RUNNING,
                List.of());
    }

    public static Pod withPorts(Pod pod, Pod.NamedPort... ports) {
        return new Pod(
                pod.namespace(),
                pod.name(),
                pod.labels(),
                pod.nodeName(),
                pod.ips(),
                pod.hostNetwork(),
                pod.phase(),
                List.of(ports));
    }

    public static Pod inPhase(Pod pod, Pod.Phase phase) {
        return new Pod(
                pod.namespace(),
                pod.name(),
                pod.labels(),
                pod.nodeName(),
                pod.ips(),
                pod.hostNetwork(),
                phase,
                pod.ports());
    }

    public static Pod onHostNetwork(Pod pod) {
        return new Pod(
                pod.namespace(), pod.name(), pod.labels(), pod.nodeName(), pod.ips(), true, pod.phase(), pod.ports());
    }

    public static Pod withLabels(Pod pod, String... labels) {
        return new Pod(
                pod.namespace(),
                pod.name(),
                Labels.of(labels),
                pod.nodeName(),
                pod.ips(),
                pod.hostNetwork(),
                pod.phase(),
                pod.ports());
    }

    public static ObjectKey podKey(String namespace, String name) {
        return new ObjectKey(ObjectKind.POD, namespace, name);
    }

    public static ObjectKey policyKey(String namespace, String name) {
        return new ObjectKey(ObjectKind.NETWORK_POLICY, namespace, name);
    }

    /** The endpoint of a pod: its host interface is {@code ik-} and the pod's name. */
    public static Endpoint endpoint(String namespace, String name, String... addresses) {
        return new Endpoint(
                new Attachment(new ContainerId("c-" + namespace + "-" + name), new InterfaceName("eth0")),
                new InterfaceName("ik-" + name),
                Arrays.stream(addresses).map(IpAddress::parse).toList(),
                Optional.of(podKey(namespace, name)));
    }

    public static NetworkPolicy ingress(String namespace, String name, LabelSelector pods, Rule... rules) {
        return new NetworkPolicy(namespace, name, pods, Set.of(Direction.INGRESS), List.of(rules), List.of());
    }

    public static NetworkPolicy egress(String namespace, String name, LabelSelector pods, Rule... rules) {
        return new NetworkPolicy(namespace, name, pods, Set.of(Direction.EGRESS), List.of(), List.of(rules));
    }

    public static NetworkPolicy isolated(String namespace, String name, LabelSelector pods) {
        return new NetworkPolicy(namespace, name, pods, EnumSet.allOf(Direction.class), List.of(), List.of());
    }

    public static Rule anyOf(Peer... peers) {
        return new Rule(List.of(peers), List.of());
    }

    public static Rule on(Rule rule, PortRule... ports) {
        return new Rule(rule.peers(), List.of(ports));
    }

    public static PortRule tcp(int port) {
        return new PortRule(Protocol.TCP, new NetworkPolicy.PortNumbers(port, port));
    }

    public static PortRule port(Protocol protocol, PortMatch match) {
        return new PortRule(protocol, match);
    }

    public static SelectedPods pods(String... labels) {
        return new SelectedPods(Optional.empty(), Optional.of(LabelSelector.of(labels)));
    }

    public static SelectedPods namespaces(String... labels) {
        return new SelectedPods(Optional.of(LabelSelector.of(labels)), Optional.empty());
    }

    public static ClusterChange added(ClusterObject... objects) {
        return new ClusterChange(List.of(objects), List.of(), List.of());
    }

    public static ClusterChange updated(ClusterObject before, ClusterObject after) {
        return new ClusterChange(List.of(), List.of(new ClusterChange.Update(before, after)), List.of());
    }

    public static ClusterChange removed(ClusterObject... objects) {
        return new ClusterChange(List.of(), List.of(), List.of(objects));
    }
}
