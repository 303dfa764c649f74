package dev.ikat.policy.compiler;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.AnyPort;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.Peer;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortNumbers;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Flow;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The text of the networking.k8s.io/v1 NetworkPolicy API, sentence by sentence, looking at every object for every flow:
 * "Isolated pods accept what at least one rule of at least one policy that selects them allows." It shares with the
 * compiler only the objects themselves.
 *
 * <p>The text says nothing of two pods with one address. Here the address of an endpoint is that endpoint's; elsewhere
 * it is the newest pod's that is not on its way out, and where several are as good, a peer means it only if it means
 * each.
 */
public final class ApiReference {
    private final Collection<ClusterObject> objects;
    private final Collection<Endpoint> endpoints;

    /** The reference for these objects, on a node with these endpoints. */
    public ApiReference(Collection<ClusterObject> objects, Collection<Endpoint> endpoints) {
        this.objects = objects;
        this.endpoints = endpoints;
    }

    /** Whether the text lets the flow pass this node. */
    public boolean allows(Flow flow) {
        if (flow.source().equals(flow.destination())) {
            return true;
        }
        for (Endpoint endpoint : endpoints) {
            if (endpoint.addresses().contains(flow.source()) && !allows(endpoint, Direction.EGRESS, flow)) {
                return false;
            }
            if (endpoint.addresses().contains(flow.destination()) && !allows(endpoint, Direction.INGRESS, flow)) {
                return false;
            }
        }
        return true;
    }

    private boolean allows(Endpoint endpoint, Direction direction, Flow flow) {
        Set<ObjectKey> owners = owners(endpoint);
        if (owners.size() != 1) {
            return owners.isEmpty()
                    && (!endpoint.nameLost() || all(NetworkPolicy.class).isEmpty());
        }
        ObjectKey owner = owners.iterator().next();
        Optional<Pod> self = all(Pod.class).stream()
                .filter(pod -> pod.key().equals(owner) && !pod.hostNetwork())
                .findFirst();
        boolean isolated = false;
        for (NetworkPolicy policy : all(NetworkPolicy.class)) {
            if (!policy.namespace().equals(owner.namespace()) || !policy.types().contains(direction)) {
                continue;
            }
            boolean selects = self.isPresent()
                    ? matches(policy.podSelector(), self.get().labels())
                    : policy.podSelector().matchLabels().values().isEmpty()
                            && policy.podSelector().matchExpressions().isEmpty();
            if (selects || self.isEmpty()) {
                isolated = true;
            }
            for (Rule rule : direction == Direction.INGRESS ? policy.ingress() : policy.egress()) {
                boolean allowed = direction == Direction.INGRESS
                        ? ingressAllows(policy, rule, self, flow)
                        : egressAllows(policy, rule, flow);
                if (selects && allowed) {
                    return true;
                }
            }
        }
        return !isolated;
    }

    private boolean ingressAllows(NetworkPolicy policy, Rule rule, Optional<Pod> self, Flow flow) {
        boolean port = rule.ports().isEmpty()
                || rule.ports().stream().anyMatch(wanted -> isNumber(wanted, flow) || isName(wanted, self, flow));
        return port
                && (rule.peers().isEmpty()
                        || rule.peers().stream().anyMatch(peer -> isPeer(policy, peer, flow.source())));
    }

    private boolean egressAllows(NetworkPolicy policy, Rule rule, Flow flow) {
        boolean peered = rule.peers().isEmpty()
                || rule.peers().stream().anyMatch(peer -> isPeer(policy, peer, flow.destination()));
        if (rule.ports().isEmpty()) {
            return peered;
        }
        for (PortRule wanted : rule.ports()) {
            if (isNumber(wanted, flow) && peered) {
                return true;
            }
            List<Pod> owners = owners(flow.destination());
            boolean meant = rule.peers().isEmpty()
                    || rule.peers().stream()
                            .anyMatch(peer -> peer instanceof SelectedPods pods
                                    && owners.stream().allMatch(pod -> selects(policy, pods, pod)));
            if (meant && !owners.isEmpty() && owners.stream().allMatch(pod -> isName(wanted, Optional.of(pod), flow))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isNumber(PortRule wanted, Flow flow) {
        if (wanted.protocol().number() != flow.ipProtocol()) {
            return false;
        }
        return switch (wanted.port()) {
            case AnyPort() -> true;
            case PortNumbers(int first, int last) -> first <= flow.destinationPort() && flow.destinationPort() <= last;
            case PortName _ -> false;
        };
    }

    private static boolean isName(PortRule wanted, Optional<Pod> receiver, Flow flow) {
        return wanted.port() instanceof PortName(String name)
                && wanted.protocol().number() == flow.ipProtocol()
                && receiver.isPresent()
                && receiver.get().port(name, wanted.protocol()).equals(Optional.of(flow.destinationPort()));
    }

    private boolean isPeer(NetworkPolicy policy, Peer peer, IpAddress address) {
        return switch (peer) {
            case NetworkPolicy.Nobody() -> false;
            case IpBlock(var cidr, var except) ->
                cidr.contains(address) && except.stream().noneMatch(hole -> hole.contains(address));
            case SelectedPods pods -> {
                List<Pod> owners = owners(address);
                yield !owners.isEmpty() && owners.stream().allMatch(pod -> selects(policy, pods, pod));
            }
        };
    }

    private boolean selects(NetworkPolicy policy, SelectedPods peer, Pod pod) {
        if (peer.pods().isPresent() && !matches(peer.pods().get(), pod.labels())) {
            return false;
        }
        if (peer.namespaces().isEmpty()) {
            return pod.namespace().equals(policy.namespace());
        }
        LabelSelector wanted = peer.namespaces().get();
        return wanted.equals(LabelSelector.EVERYTHING)
                || all(Namespace.class).stream()
                        .anyMatch(namespace ->
                                namespace.name().equals(pod.namespace()) && matches(wanted, namespace.labels()));
    }

    /**
     * The pods that an endpoint may be of: the one that it names, else those that are said to be here with its address.
     */
    private Set<ObjectKey> owners(Endpoint endpoint) {
        return endpoint.pod()
                .map(Set::of)
                .orElseGet(() -> all(Pod.class).stream()
                        .filter(pod -> pod.phase() == Pod.Phase.RUNNING && !pod.hostNetwork())
                        .filter(pod -> pod.nodeName().equals(Optional.of(RandomCluster.NODE)))
                        .filter(pod -> pod.ips().stream().anyMatch(endpoint.addresses()::contains))
                        .map(Pod::key)
                        .filter(key -> endpoints.stream()
                                .noneMatch(other -> other.pod().equals(Optional.of(key))))
                        .collect(Collectors.toSet()));
    }

    /** The pods whose own network may have the address; none if nobody's does, or one may have it that is not known. */
    private List<Pod> owners(IpAddress address) {
        List<Endpoint> wired = endpoints.stream()
                .filter(endpoint -> endpoint.addresses().contains(address))
                .toList();
        List<Pod> pods = all(Pod.class).stream()
                .filter(pod -> !pod.hostNetwork() && !pod.ended())
                .toList();
        if (!wired.isEmpty()) {
            Set<Pod> owners = new HashSet<>();
            for (Endpoint endpoint : wired) {
                Set<ObjectKey> keys = owners(endpoint);
                List<Pod> known =
                        pods.stream().filter(pod -> keys.contains(pod.key())).toList();
                if (keys.size() != 1 || known.isEmpty()) {
                    return List.of();
                }
                owners.addAll(known);
            }
            return List.copyOf(owners);
        }
        List<Pod> claimants = pods.stream()
                .filter(pod -> pod.ips().contains(address))
                .filter(pod -> endpoints.stream()
                        .noneMatch(endpoint -> owners(endpoint).equals(Set.of(pod.key()))))
                .toList();
        List<Pod> staying = claimants.stream()
                .filter(pod -> !pod.deleting() && pod.phase() != Pod.Phase.UNKNOWN)
                .toList();
        List<Pod> best = staying.isEmpty() ? claimants : staying;
        return best.stream()
                .filter(pod -> best.stream()
                        .noneMatch(other ->
                                other.created() > pod.created() && best.stream().allMatch(each -> each.created() > 0)))
                .toList();
    }

    private static boolean matches(LabelSelector selector, Labels labels) {
        return selector.matchLabels().values().entrySet().stream()
                        .allMatch(wanted ->
                                wanted.getValue().equals(labels.values().get(wanted.getKey())))
                && selector.matchExpressions().stream().allMatch(wanted -> {
                    boolean there = labels.values().containsKey(wanted.key());
                    boolean listed =
                            there && wanted.values().contains(labels.values().get(wanted.key()));
                    return switch (wanted.operator()) {
                        case IN -> listed;
                        case NOT_IN -> !listed;
                        case EXISTS -> there;
                        case DOES_NOT_EXIST -> !there;
                    };
                });
    }

    private <T extends ClusterObject> List<T> all(Class<T> type) {
        return objects.stream().filter(type::isInstance).map(type::cast).toList();
    }
}
