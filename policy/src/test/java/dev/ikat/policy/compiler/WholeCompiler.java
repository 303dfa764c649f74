package dev.ikat.policy.compiler;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.PolicyObject;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
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
import java.util.stream.Collectors;

/** What {@link PolicyCompiler} does, in the simplest way: everything is compiled again at each change. */
final class WholeCompiler {
    private final Map<String, Namespace> namespaces = new HashMap<>();
    private final Map<ObjectKey, Pod> pods = new HashMap<>();
    private final TreeMap<ObjectKey, NetworkPolicy> policies = new TreeMap<>();
    private final Map<InterfaceName, Endpoint> endpoints = new HashMap<>();
    private final Map<IpAddress, Set<Object>> owners = new HashMap<>();

    /** What nameless endpoints were found to be, since the last change. */
    private final Map<InterfaceName, Optional<ObjectKey>> found = new HashMap<>();

    private PolicyProgram program = PolicyProgram.EMPTY;

    /** A compiler of an empty cluster and a node without endpoints. */
    public WholeCompiler() {}

    /** The pod that an endpoint belongs to, and empty where nobody can say. */
    private Optional<ObjectKey> owner(Endpoint endpoint) {
        return endpoint.pod().isPresent()
                ? endpoint.pod()
                : found.computeIfAbsent(endpoint.hostInterface(), _ -> {
                    List<ObjectKey> candidates = candidates(endpoint);
                    return candidates.size() == 1 ? Optional.of(candidates.getFirst()) : Optional.empty();
                });
    }

    private List<ObjectKey> candidates(Endpoint endpoint) {
        return pods.values().stream()
                .filter(pod -> pod.phase() == Pod.Phase.RUNNING
                        && !pod.hostNetwork()
                        && pod.nodeName().equals(Optional.of(RandomCluster.NODE))
                        && pod.ips().stream().anyMatch(endpoint.addresses()::contains))
                .map(Pod::key)
                .filter(key -> endpoints.values().stream()
                        .noneMatch(other -> other.pod().equals(Optional.of(key))))
                .toList();
    }

    private boolean isUnclear(Endpoint endpoint) {
        int candidates = endpoint.pod().isPresent() ? 1 : candidates(endpoint).size();
        return candidates > 1 || (candidates == 0 && endpoint.nameLost() && !policies.isEmpty());
    }

    /** The pods that may have the address, each of which has to be selected for it to be; and others, of no pod. */
    private Set<Object> owners(IpAddress address) {
        return owners.computeIfAbsent(address, _ -> {
            List<Endpoint> wired = endpoints.values().stream()
                    .filter(endpoint -> endpoint.addresses().contains(address))
                    .toList();
            if (!wired.isEmpty()) {
                return wired.stream()
                        .<Object>map(endpoint ->
                                owner(endpoint).<Object>map(key -> key).orElse(endpoint.attachment()))
                        .collect(Collectors.toSet());
            }
            List<Pod> claimants = pods.values().stream()
                    .filter(pod ->
                            !pod.hostNetwork() && !pod.ended() && pod.ips().contains(address))
                    .filter(pod -> endpoints.values().stream()
                            .noneMatch(endpoint -> owner(endpoint).equals(Optional.of(pod.key()))))
                    .toList();
            List<Pod> alive = claimants.stream()
                    .filter(pod -> !pod.deleting() && pod.phase() != Pod.Phase.UNKNOWN)
                    .toList();
            List<Pod> best = alive.isEmpty() ? claimants : alive;
            long newest = best.stream().mapToLong(Pod::created).max().orElse(0);
            boolean known = best.stream().allMatch(pod -> pod.created() != 0);
            return best.stream()
                    .filter(pod -> !known || pod.created() == newest)
                    .map(Pod::key)
                    .collect(Collectors.toSet());
        });
    }

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
        if (endpoint == null || owner(endpoint).isEmpty() || known(endpoint).isPresent()) {
            return false;
        }
        String namespace = owner(endpoint).get().namespace();
        return policies.values().stream()
                .anyMatch(policy -> policy.namespace().equals(namespace)
                        && (!Requirements.of(policy.podSelector()).isEmpty()
                                || !RuleTranslation.ingressPortNames(policy).isEmpty()));
    }

    private void take(ClusterObject object) {
        if (!(object instanceof PolicyObject known)) {
            return;
        }
        switch (known) {
            case Namespace namespace -> namespaces.put(namespace.name(), namespace);
            case Pod pod -> pods.put(pod.key(), pod);
            case NetworkPolicy policy -> policies.put(policy.key(), policy);
        }
    }

    private void forget(ClusterObject object) {
        if (!(object instanceof PolicyObject known)) {
            return;
        }
        switch (known) {
            case Namespace namespace -> namespaces.remove(namespace.name());
            case Pod pod -> pods.remove(pod.key());
            case NetworkPolicy policy -> policies.remove(policy.key());
        }
    }

    /** The endpoint's pod, if the cluster knows it. One on the host's network can't be the one that has this link. */
    private Optional<Pod> known(Endpoint endpoint) {
        return owner(endpoint)
                .flatMap(key -> Optional.ofNullable(pods.get(key)))
                .filter(pod -> !pod.hostNetwork());
    }

    private PolicyChange recompile() {
        PolicyProgram before = program;
        owners.clear();
        found.clear();
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
        if (isUnclear(endpoint)) {
            return DirectionProgram.CLOSED;
        }
        if (owner(endpoint).isEmpty()) {
            return DirectionProgram.OPEN;
        }
        String namespace = owner(endpoint).get().namespace();
        Optional<Pod> pod = known(endpoint);
        List<ObjectKey> isolatedBy = new ArrayList<>();
        List<CompiledRule> rules = new ArrayList<>();
        policies.forEach((key, policy) -> {
            Requirements selector = Requirements.of(policy.podSelector());
            boolean selected =
                    pod.map(known -> selector.matches(known.labels())).orElse(selector.isEmpty());
            if (key.namespace().equals(namespace)
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
        Map<SetMember, Set<ObjectKey>> claims = new HashMap<>();
        for (Pod pod : pods.values()) {
            boolean reached =
                    meaning.reach().includes(pod.namespace(), Optional.ofNullable(namespaces.get(pod.namespace())));
            if (pod.hostNetwork() || pod.ended() || !reached || !meaning.selects(pod)) {
                continue;
            }
            for (IpAddress address : addresses(pod)) {
                SetMember member = meaning.port()
                        .<SetMember>map(port -> new PortMember(
                                address,
                                port.protocol(),
                                pod.port(port.name(), port.protocol()).orElseThrow()))
                        .orElseGet(() -> new AddressMember(address));
                claims.computeIfAbsent(member, _ -> new HashSet<>()).add(pod.key());
            }
        }
        Set<SetMember> members = claims.keySet().stream()
                .filter(member -> claims.getOrDefault(member, Set.of()).containsAll(owners(member.address())))
                .collect(Collectors.toSet());
        return new AddressSet(id, meaning.form(), meaning.toString(), members);
    }

    private List<IpAddress> addresses(Pod pod) {
        ObjectKey key = new ObjectKey(ObjectKind.POD, pod.namespace(), pod.name());
        List<IpAddress> wired = endpoints.values().stream()
                .filter(endpoint -> owner(endpoint).equals(Optional.of(key)))
                .flatMap(endpoint -> endpoint.addresses().stream())
                .distinct()
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
