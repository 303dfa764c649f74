package dev.ikat.policy.compiler;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.ClusterChange;
import dev.ikat.policy.ClusterObject;
import dev.ikat.policy.Namespace;
import dev.ikat.policy.NetworkPolicy;
import dev.ikat.policy.NetworkPolicy.Direction;
import dev.ikat.policy.ObjectKey;
import dev.ikat.policy.ObjectKind;
import dev.ikat.policy.Pod;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PeerMatch.InSet;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.SetMember.AddressMember;
import dev.ikat.policy.program.SetMember.PortMember;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What {@link PolicyCompiler} does, in the simplest way: everything is compiled again at each change. */
final class WholeCompiler {
    private final Map<String, Namespace> namespaces = new HashMap<>();
    private final Map<ObjectKey, Pod> pods = new HashMap<>();
    private final TreeMap<ObjectKey, NetworkPolicy> policies = new TreeMap<>();
    private final Map<InterfaceName, Endpoint> endpoints = new HashMap<>();
    private PolicyProgram program = PolicyProgram.EMPTY;

    /** A compiler of an empty cluster and a node without endpoints. */
    public WholeCompiler() {}

    /** Takes in what is different in the cluster. Objects that are no policy's concern cost nothing. */
    public PolicyChange update(ClusterChange change) {
        change.removed().forEach(this::forget);
        change.updated().forEach(update -> take(update.after()));
        change.added().forEach(this::take);
        return recompile();
    }

    /** Takes in an endpoint. One that has the same host interface is replaced. */
    public PolicyChange add(Endpoint endpoint) {
        endpoints.put(endpoint.hostInterface(), endpoint);
        return recompile();
    }

    /** Lets go of an endpoint, if there is one. */
    public PolicyChange remove(InterfaceName hostInterface) {
        endpoints.remove(hostInterface);
        return recompile();
    }

    /** All that is to be enforced now. */
    public PolicyProgram program() {
        return program;
    }

    /** What one endpoint is held to now; empty if there is no such endpoint. */
    public Optional<PodProgram> podProgram(InterfaceName hostInterface) {
        return Optional.ofNullable(program.pods().get(hostInterface));
    }

    /**
     * Whether the endpoint's pod is not known to the cluster yet, and its program could be another once it is: a policy
     * of its namespace selects by labels, or means its ports by name. False if there is no such endpoint.
     */
    public boolean awaitsLabels(InterfaceName hostInterface) {
        Endpoint endpoint = endpoints.get(hostInterface);
        if (endpoint == null || endpoint.pod().isEmpty() || known(endpoint).isPresent()) {
            return false;
        }
        String namespace = endpoint.pod().get().namespace();
        return policies.values().stream()
                .anyMatch(policy -> policy.namespace().equals(namespace)
                        && (!Requirements.of(policy.podSelector()).isEmpty()
                                || !RuleTranslation.ingressPortNames(policy).isEmpty()));
    }

    private void take(ClusterObject object) {
        switch (object) {
            case Namespace namespace -> namespaces.put(namespace.name(), namespace);
            case Pod pod -> pods.put(pod.key(), pod);
            case NetworkPolicy policy -> policies.put(policy.key(), policy);
            case dev.ikat.policy.Node _ -> {}
        }
    }

    private void forget(ClusterObject object) {
        switch (object) {
            case Namespace namespace -> namespaces.remove(namespace.name());
            case Pod pod -> pods.remove(pod.key());
            case NetworkPolicy policy -> policies.remove(policy.key());
            case dev.ikat.policy.Node _ -> {}
        }
    }

    /** The endpoint's pod, if the cluster knows it. One on the host's network can't be the one that has this link. */
    private Optional<Pod> known(Endpoint endpoint) {
        return endpoint.pod().flatMap(key -> Optional.ofNullable(pods.get(key))).filter(pod -> !pod.hostNetwork());
    }

    private PolicyChange recompile() {
        PolicyProgram before = program;
        Map<SetId, SetMeaning> meanings = new HashMap<>();
        Map<InterfaceName, PodProgram> programs = new HashMap<>();
        endpoints.forEach((name, endpoint) -> programs.put(name, compile(endpoint, meanings)));
        Set<SetId> used = new HashSet<>();
        programs.values()
                .forEach(pod -> List.of(pod.ingress(), pod.egress())
                        .forEach(direction -> direction
                                .tiers()
                                .forEach(tier -> tier.rules()
                                        .forEach(rule -> rule.peers().forEach(peer -> {
                                            if (peer instanceof InSet(SetId set)) {
                                                used.add(set);
                                            }
                                        })))));
        Map<SetId, AddressSet> sets = new HashMap<>();
        used.forEach(id -> sets.put(id, members(id, java.util.Objects.requireNonNull(meanings.get(id)))));
        program = new PolicyProgram(sets, programs);
        return difference(before, program);
    }

    private PodProgram compile(Endpoint endpoint, Map<SetId, SetMeaning> meanings) {
        return new PodProgram(
                endpoint,
                compile(endpoint, Direction.INGRESS, meanings),
                compile(endpoint, Direction.EGRESS, meanings));
    }

    private DirectionProgram compile(Endpoint endpoint, Direction direction, Map<SetId, SetMeaning> meanings) {
        if (endpoint.pod().isEmpty()) {
            return DirectionProgram.OPEN;
        }
        Optional<Pod> pod = known(endpoint);
        List<ObjectKey> isolatedBy = new ArrayList<>();
        List<CompiledRule> rules = new ArrayList<>();
        policies.forEach((key, policy) -> {
            Requirements selector = Requirements.of(policy.podSelector());
            boolean selected =
                    pod.map(known -> selector.matches(known.labels())).orElse(selector.isEmpty());
            if (key.namespace().equals(endpoint.pod().get().namespace())
                    && policy.types().contains(direction)
                    && (selected || pod.isEmpty())) {
                isolatedBy.add(key);
                if (selected) {
                    RuleTranslation translation = new RuleTranslation(policy, key, meaning -> {
                        meanings.put(meaning.id(0), meaning);
                        return meaning.id(0);
                    });
                    rules.addAll(direction == Direction.INGRESS ? translation.ingress(pod) : translation.egress());
                }
            }
        });
        return isolatedBy.isEmpty()
                ? DirectionProgram.OPEN
                : new DirectionProgram(List.of(new TierProgram(Tier.NETWORK_POLICY, rules, Action.DENY, isolatedBy)));
    }

    private AddressSet members(SetId id, SetMeaning meaning) {
        Set<SetMember> members = new HashSet<>();
        for (Pod pod : pods.values()) {
            boolean reached =
                    meaning.reach().includes(pod.namespace(), Optional.ofNullable(namespaces.get(pod.namespace())));
            if (pod.hostNetwork() || pod.ended() || !reached || !meaning.selects(pod)) {
                continue;
            }
            for (IpAddress address : addresses(pod)) {
                members.add(meaning.port()
                        .<SetMember>map(port -> new PortMember(
                                address,
                                port.protocol(),
                                pod.port(port.name(), port.protocol()).orElseThrow()))
                        .orElseGet(() -> new AddressMember(address)));
            }
        }
        return new AddressSet(id, meaning.form(), meaning.toString(), members);
    }

    private List<IpAddress> addresses(Pod pod) {
        ObjectKey key = new ObjectKey(ObjectKind.POD, pod.namespace(), pod.name());
        List<IpAddress> wired = endpoints.values().stream()
                .filter(endpoint -> endpoint.pod().equals(Optional.of(key)))
                .flatMap(endpoint -> endpoint.addresses().stream())
                .toList();
        return wired.isEmpty() ? pod.ips() : wired;
    }

    private static PolicyChange difference(PolicyProgram before, PolicyProgram after) {
        List<AddressSet> addedSets = new ArrayList<>();
        Map<SetId, PolicyChange.Members> changedSets = new HashMap<>();
        after.sets().forEach((id, set) -> {
            AddressSet old = before.sets().get(id);
            if (old == null) {
                addedSets.add(set);
            } else if (!old.equals(set)) {
                Set<SetMember> added = new HashSet<>(set.members());
                added.removeAll(old.members());
                Set<SetMember> removed = new HashSet<>(old.members());
                removed.removeAll(set.members());
                changedSets.put(id, new PolicyChange.Members(added, removed));
            }
        });
        Set<SetId> removedSets = new HashSet<>(before.sets().keySet());
        removedSets.removeAll(after.sets().keySet());
        List<PodProgram> programs = after.pods().values().stream()
                .filter(pod -> !pod.equals(before.pods().get(pod.endpoint().hostInterface())))
                .toList();
        List<Endpoint> removedPods = before.pods().values().stream()
                .map(PodProgram::endpoint)
                .filter(endpoint -> !after.pods().containsKey(endpoint.hostInterface()))
                .toList();
        return new PolicyChange(addedSets, changedSets, programs, removedPods, removedSets);
    }
}
