package dev.ikat.policy.compiler;

import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.Peer;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.PortRule;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.NetworkPolicy.SelectedPods;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Looks for what policies say without effect: selectors that select nothing, names of ports that no pod has, rules of a
 * direction that the policy does not restrict. All of that is valid, and a pod that comes later may give it an effect,
 * so that it is no fault; but often it is a misspelt word. Each selector is evaluated once. For one thread.
 */
public final class PolicyReview {
    /** The label that the API server gives to each namespace (namespace's name as a label, since Kubernetes 1.21). */
    private static final String NAME_LABEL = "kubernetes.io/metadata.name";

    /** How many ports of the selected pods are named where one was not found. */
    private static final int PORTS_SHOWN = 5;

    private final SortedMap<String, Scope> scopes = new TreeMap<>();
    private final Map<Selection, Selected> selections = new HashMap<>();
    private final Map<NamedPort, Boolean> ports = new HashMap<>();
    private final List<PolicyFinding> findings = new ArrayList<>();

    /**
     * A namespace.
     *
     * @param name its name
     * @param labels its object's; empty if there is no object
     * @param pods its pods that have not ended
     * @param policies its policies, in a stable order
     */
    record Scope(String name, Optional<Labels> labels, List<Pod> pods, List<NetworkPolicy> policies) {}

    /**
     * Pods by their labels and those of their namespaces.
     *
     * @param namespace only in this one; empty for all that {@code namespaces} selects
     */
    private record Selection(Optional<String> namespace, Requirements namespaces, Requirements pods) {
        static Selection of(String own, SelectedPods peer) {
            return new Selection(
                    peer.namespaces().isPresent() ? Optional.empty() : Optional.of(own),
                    peer.namespaces().map(Requirements::of).orElse(Requirements.NONE),
                    peer.pods().map(Requirements::of).orElse(Requirements.NONE));
        }
    }

    /**
     * Whether a selection has any of these.
     *
     * @param pods pods with a network of their own
     * @param hostPods pods that share their node's network
     */
    private record Selected(boolean namespaces, boolean pods, boolean hostPods) {}

    private record NamedPort(Selection selection, String name, Protocol protocol) {}

    PolicyReview(List<Scope> scopes) {
        scopes.forEach(scope -> this.scopes.put(scope.name(), scope));
    }

    /** How many policies there are. */
    public int policies() {
        return scopes.values().stream()
                .mapToInt(scope -> scope.policies().size())
                .sum();
    }

    /** What was found, by namespace and policy. Takes some tenths of a second in a cluster of 10,000 policies. */
    public List<PolicyFinding> findings() {
        findings.clear();
        for (Scope scope : scopes.values()) {
            for (NetworkPolicy policy : scope.policies()) {
                review(scope, policy);
            }
        }
        return List.copyOf(findings);
    }

    private void review(Scope scope, NetworkPolicy policy) {
        if (scope.labels().isEmpty()) {
            add(policy, "metadata.namespace", "there is no namespace '" + scope.name() + "'");
        }
        Requirements wanted = Requirements.of(policy.podSelector());
        Selection own = new Selection(Optional.of(scope.name()), Requirements.NONE, wanted);
        Selected selected = selected(own);
        // One that selects all pods is often there before the first of them.
        if (!selected.pods() && !wanted.isEmpty()) {
            add(
                    policy,
                    "spec.podSelector",
                    selected.hostPods()
                            ? "every pod that it selects shares its node's network, where policies do not apply"
                            : noPod(own));
        }
        for (Direction direction : Direction.values()) {
            List<Rule> rules = direction == Direction.INGRESS ? policy.ingress() : policy.egress();
            String field = direction == Direction.INGRESS ? "spec.ingress" : "spec.egress";
            if (!policy.types().contains(direction)) {
                if (!rules.isEmpty()) {
                    add(policy, field, "has no effect, because spec.policyTypes lacks " + direction.title());
                }
                continue;
            }
            for (int i = 0; i < rules.size(); i++) {
                review(policy, own, direction, rules.get(i), field + "[" + i + "]");
            }
        }
    }

    private void review(NetworkPolicy policy, Selection own, Direction direction, Rule rule, String field) {
        boolean ingress = direction == Direction.INGRESS;
        List<Selection> receivers = new ArrayList<>();
        for (int i = 0; i < rule.peers().size(); i++) {
            Peer peer = rule.peers().get(i);
            if (peer instanceof SelectedPods pods) {
                Selection selection = Selection.of(policy.namespace(), pods);
                receivers.add(selection);
                reviewPeer(policy, selection, field + (ingress ? ".from[" : ".to[") + i + "]");
            }
        }
        if (ingress) {
            receivers = List.of(own);
        } else if (rule.peers().isEmpty()) {
            receivers = List.of(new Selection(Optional.empty(), Requirements.NONE, Requirements.NONE));
        }
        for (int i = 0; i < rule.ports().size(); i++) {
            PortRule port = rule.ports().get(i);
            if (port.port() instanceof PortName(String name)) {
                reviewPort(policy, receivers, name, port.protocol(), field + ".ports[" + i + "].port");
            }
        }
    }

    private void reviewPeer(NetworkPolicy policy, Selection peer, String field) {
        Selected selected = selected(peer);
        if (selected.pods()) {
            return;
        }
        if (selected.hostPods()) {
            add(
                    policy,
                    field,
                    "every pod that it selects shares its node's network, so that its packets have the node's "
                            + "address; only an ipBlock allows those");
        } else if (!selected.namespaces()) {
            add(policy, field + ".namespaceSelector", noNamespace(peer.namespaces()));
        } else if (peer.pods().isEmpty()) {
            add(
                    policy,
                    field,
                    peer.namespace().isPresent() ? noPod(peer) : "the namespaces that it selects have no pod");
        } else {
            add(policy, field + ".podSelector", noPod(peer));
        }
    }

    private void reviewPort(
            NetworkPolicy policy, List<Selection> receivers, String name, Protocol protocol, String field) {
        if (receivers.isEmpty()) {
            add(policy, field, "addresses have no ports with names: port '" + name + "' of an ipBlock is none");
            return;
        }
        // Where no pod is selected at all, that has been said already.
        if (receivers.stream().anyMatch(receiver -> selected(receiver).pods())
                && receivers.stream().noneMatch(receiver -> hasPort(receiver, name, protocol))) {
            Set<String> others = new TreeSet<>();
            receivers.stream()
                    .flatMap(this::pods)
                    .flatMap(pod -> pod.ports().stream())
                    .map(port -> port.name() + " (" + port.protocol() + ")")
                    .distinct()
                    .limit(PORTS_SHOWN)
                    .forEach(others::add);
            add(
                    policy,
                    field,
                    "no pod that it is about has a port named '" + name + "' of protocol " + protocol + "; "
                            + (others.isEmpty()
                                    ? "their ports have no names"
                                    : "they have " + String.join(", ", others)));
        }
    }

    private void add(NetworkPolicy policy, String field, String text) {
        findings.add(new PolicyFinding(policy.key(), field, text));
    }

    private static String noPod(Selection selection) {
        String where =
                selection.namespace().map(name -> "of namespace '" + name + "'").orElse("of the selected namespaces");
        return "no pod " + where + (selection.pods().isEmpty() ? " exists" : " has the labels " + selection.pods());
    }

    private static String noNamespace(Requirements wanted) {
        for (Requirement requirement : wanted.all()) {
            if (requirement.key().equals(NAME_LABEL)
                    && requirement.operator() == Operator.IN
                    && wanted.all().size() == 1) {
                return "there is no namespace '" + String.join("' or '", requirement.values()) + "'";
            }
        }
        return "no namespace has the labels " + wanted;
    }

    private Selected selected(Selection selection) {
        return selections.computeIfAbsent(
                selection,
                _ -> new Selected(
                        scopes(selection).findAny().isPresent(),
                        pods(selection).findAny().isPresent(),
                        matching(selection).anyMatch(Pod::hostNetwork)));
    }

    private boolean hasPort(Selection selection, String name, Protocol protocol) {
        return ports.computeIfAbsent(
                new NamedPort(selection, name, protocol),
                _ -> pods(selection).anyMatch(pod -> pod.port(name, protocol).isPresent()));
    }

    private Stream<Scope> scopes(Selection selection) {
        return selection.namespace().isPresent()
                ? Stream.ofNullable(scopes.get(selection.namespace().get()))
                : scopes.values().stream()
                        .filter(scope -> scope.labels()
                                .filter(selection.namespaces()::matches)
                                .isPresent());
    }

    private Stream<Pod> matching(Selection selection) {
        return scopes(selection)
                .flatMap(scope -> scope.pods().stream())
                .filter(pod -> selection.pods().matches(pod.labels()));
    }

    private Stream<Pod> pods(Selection selection) {
        return matching(selection).filter(pod -> !pod.hostNetwork());
    }
}
