package dev.ikat.policy.compiler;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.PolicyObject;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.ProgramLookup;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Keeps the program of one node up to date with the cluster's objects and the node's endpoints. It starts without
 * objects and endpoints; the first compilation is one change that adds all objects. Every method that changes something
 * returns the complete difference between the previous program and the new one.
 *
 * <p>An event costs as much as it changes: a pod is compared only with the sets that could contain it, and an endpoint
 * is compiled again only if its policies or its own pod changed. Not thread-safe.
 */
public final class PolicyCompiler implements ProgramLookup {
    private final Map<String, NamespaceRecord> namespaces = new HashMap<>();
    private final Map<InterfaceName, EndpointRecord> endpoints = new HashMap<>();
    private final Map<IpAddress, EndpointRecord> byAddress = new HashMap<>();
    private final LiveSets sets = new LiveSets(namespaces.values());
    private final String node;

    /** Endpoints that say of no pod that they are its; few. */
    private final Set<EndpointRecord> nameless = new LinkedHashSet<>();

    /** Endpoints whose program may be another since the last change was told. */
    private final Set<EndpointRecord> stale = new LinkedHashSet<>();

    /** Policies that a program may have let go of since then. */
    private final Set<PolicyRecord> released = new HashSet<>();

    /** What was told of the endpoints that went since then. */
    private final Map<InterfaceName, PodProgram> gone = new HashMap<>();

    /**
     * A compiler for an empty cluster and a node without endpoints.
     *
     * @param node the node's name
     */
    public PolicyCompiler(String node) {
        this.node = node;
    }

    /** Applies a change of the cluster. Objects that do not concern policies cost nothing. */
    public PolicyChange update(ClusterChange change) {
        return update(List.of(new PolicyInput.Cluster(change)));
    }

    /** Adds an endpoint. It replaces one with the same host interface. */
    PolicyChange add(Endpoint endpoint) {
        return update(List.of(new PolicyInput.Wired(endpoint)));
    }

    /** Removes an endpoint, if it exists. */
    PolicyChange remove(InterfaceName hostInterface) {
        return update(List.of(new PolicyInput.Unwired(hostInterface)));
    }

    /** Applies all of these, in this order, at the cost of one change. */
    public PolicyChange update(List<PolicyInput> inputs) {
        for (PolicyInput input : inputs) {
            switch (input) {
                case PolicyInput.Cluster(ClusterChange change) -> {
                    change.removed().forEach(this::forget);
                    change.updated().forEach(update -> take(update.after()));
                    change.added().forEach(this::take);
                }
                case PolicyInput.Wired(Endpoint endpoint) -> wire(endpoint);
                case PolicyInput.Unwired(InterfaceName name) ->
                    Optional.ofNullable(endpoints.get(name)).ifPresent(this::detach);
            }
        }
        return settle();
    }

    private void wire(Endpoint endpoint) {
        EndpointRecord before = endpoints.get(endpoint.hostInterface());
        if (before != null && before.endpoint.equals(endpoint)) {
            return;
        }
        if (before != null) {
            detach(before);
        }
        EndpointRecord record = new EndpointRecord(endpoint);
        record.told = Optional.ofNullable(gone.remove(endpoint.hostInterface()));
        endpoints.put(endpoint.hostInterface(), record);
        endpoint.addresses().forEach(address -> byAddress.put(address, record));
        Optional<PodRecord> pod = endpoint.pod().map(key -> record(key.namespace(), key.name()));
        sets.change(pod, endpoint.addresses(), () -> {
            sets.addresses().wire(record);
            pod.ifPresent(found -> link(record, found));
        });
        if (pod.isEmpty()) {
            nameless.add(record);
        }
        stale.add(record);
    }

    private static void link(EndpointRecord record, PodRecord pod) {
        List<EndpointRecord> wired = new ArrayList<>(pod.endpoints);
        wired.add(record);
        pod.endpoints = List.copyOf(wired);
        pod.namespace.endpoints.add(record);
        record.pod = Optional.of(pod);
    }

    private static void unlink(EndpointRecord record, PodRecord pod) {
        pod.endpoints = pod.endpoints.stream().filter(other -> other != record).toList();
        pod.namespace.endpoints.remove(record);
        record.pod = Optional.empty();
    }

    private void detach(EndpointRecord record) {
        endpoints.remove(record.endpoint.hostInterface());
        record.endpoint.addresses().forEach(address -> byAddress.remove(address, record));
        record.told.ifPresent(told -> gone.put(record.endpoint.hostInterface(), told));
        stale.remove(record);
        nameless.remove(record);
        record.blocks.forEach(this::release);
        Optional<PodRecord> pod = record.pod;
        sets.change(pod, record.endpoint.addresses(), () -> {
            sets.addresses().unwire(record);
            pod.ifPresent(found -> unlink(record, found));
        });
        pod.ifPresent(this::tidy);
    }

    /**
     * Finds out whose an endpoint is that does not say so: the only pod's that runs on this node, has no other endpoint
     * and is said to have its address.
     */
    private void identify(EndpointRecord record) {
        Set<PodRecord> candidates = sets.addresses().said(record.endpoint.addresses());
        candidates.removeIf(candidate -> !mayHave(candidate));
        Optional<PodRecord> now =
                candidates.size() == 1 ? Optional.of(candidates.iterator().next()) : Optional.empty();
        boolean unclear =
                candidates.size() > 1 || (candidates.isEmpty() && record.endpoint.nameLost() && hasPolicies());
        Optional<PodRecord> before = record.pod;
        if (!before.equals(now)) {
            before.ifPresent(pod -> {
                sets.change(Optional.of(pod), record.endpoint.addresses(), () -> unlink(record, pod));
                tidy(pod);
            });
            now.ifPresent(pod -> sets.change(Optional.of(pod), record.endpoint.addresses(), () -> link(record, pod)));
            stale.add(record);
        }
        if (record.unclear != unclear) {
            record.unclear = unclear;
            stale.add(record);
        }
    }

    /** Without any there is nothing that a pod of no known name could be let do against. */
    private boolean hasPolicies() {
        return namespaces.values().stream().anyMatch(namespace -> !namespace.policies.isEmpty());
    }

    private boolean mayHave(PodRecord candidate) {
        Pod pod = candidate.pod.orElseThrow();
        return pod.phase() == Pod.Phase.RUNNING
                && pod.nodeName().equals(Optional.of(node))
                && candidate.endpoints.stream()
                        .allMatch(record -> record.endpoint.pod().isEmpty());
    }

    /** Everything that has to be enforced now; the cost grows with the size of the program. */
    public PolicyProgram program() {
        Map<InterfaceName, PodProgram> programs = HashMap.newHashMap(endpoints.size());
        endpoints.forEach((name, record) -> programs.put(name, record.program));
        return new PolicyProgram(sets.all(), programs);
    }

    /**
     * The current program of the endpoint that has this address: together with {@link #members}, a view for an
     * evaluator.
     */
    @Override
    public Optional<PodProgram> program(IpAddress address) {
        return Optional.ofNullable(byAddress.get(address)).map(record -> record.program);
    }

    @Override
    public Members members(SetId set) {
        return sets.get(set);
    }

    /** The current program of one endpoint; empty if there is no such endpoint. */
    Optional<PodProgram> podProgram(InterfaceName hostInterface) {
        return Optional.ofNullable(endpoints.get(hostInterface)).map(record -> record.program);
    }

    /**
     * Whether the cluster has no object for the endpoint's pod yet, and that object could change the endpoint's
     * program: a policy of its namespace selects by labels, or refers to ports by name. False if there is no such
     * endpoint.
     */
    public boolean awaitsLabels(InterfaceName hostInterface) {
        EndpointRecord record = endpoints.get(hostInterface);
        if (record == null || record.pod.isEmpty() || record.known().isPresent()) {
            return false;
        }
        return record.pod.get().namespace.policies.values().stream().anyMatch(PolicyRecord::awaitsPod);
    }

    /** The addresses that several pods claim now, as a view. */
    public Map<IpAddress, AddressContest> contests() {
        return sets.addresses().contests();
    }

    /**
     * A review of all policies of the cluster as it is now: a copy, which the caller may evaluate on another thread.
     */
    public PolicyReview review() {
        return new PolicyReview(namespaces.values().stream()
                .map(namespace -> new PolicyReview.Scope(
                        namespace.name,
                        namespace.object.map(Namespace::labels),
                        namespace.pods.values().stream()
                                .flatMap(record -> record.pod.stream())
                                .filter(pod -> !pod.ended())
                                .toList(),
                        namespace.policies.values().stream()
                                .map(record -> record.policy)
                                .toList()))
                .toList());
    }

    private void take(ClusterObject object) {
        if (!(object instanceof PolicyObject known)) {
            return;
        }
        switch (known) {
            case Namespace namespace -> sets.become(record(namespace.name()), Optional.of(namespace));
            case Pod pod -> become(record(pod.namespace(), pod.name()), Optional.of(pod));
            case NetworkPolicy policy -> {
                PolicyRecord record = new PolicyRecord(policy, policy.key());
                NamespaceRecord namespace = record(policy.namespace());
                forget(namespace, record.key);
                namespace.policies.put(record.key, record);
                namespace.selecting.add(record.selector, record);
                markSelected(namespace, record);
            }
        }
    }

    private void forget(ClusterObject object) {
        if (!(object instanceof PolicyObject known)) {
            return;
        }
        switch (known) {
            case Namespace namespace -> {
                NamespaceRecord record = record(namespace.name());
                sets.become(record, Optional.empty());
                tidy(record);
            }
            case Pod pod -> become(record(pod.namespace(), pod.name()), Optional.empty());
            case NetworkPolicy policy -> {
                NamespaceRecord namespace = record(policy.namespace());
                forget(namespace, policy.key());
                tidy(namespace);
            }
        }
    }

    private void forget(NamespaceRecord namespace, ObjectKey key) {
        PolicyRecord record = namespace.policies.remove(key);
        if (record != null) {
            namespace.selecting.remove(record.selector, record);
            markSelected(namespace, record);
        }
    }

    private void markSelected(NamespaceRecord namespace, PolicyRecord policy) {
        for (EndpointRecord endpoint : namespace.endpoints) {
            Optional<Pod> pod = endpoint.known();
            if (pod.isEmpty() || policy.selects(pod)) {
                stale.add(endpoint);
            }
        }
    }

    private void become(PodRecord record, Optional<Pod> pod) {
        sets.change(record, () -> record.pod = pod);
        stale.addAll(record.endpoints);
        tidy(record);
    }

    private NamespaceRecord record(String namespace) {
        NamespaceRecord record = namespaces.get(namespace);
        if (record == null) {
            record = new NamespaceRecord(namespace);
            namespaces.put(namespace, record);
            sets.appears(record);
        }
        return record;
    }

    private PodRecord record(String namespace, String name) {
        NamespaceRecord record = record(namespace);
        return record.pods.computeIfAbsent(name, _ -> new PodRecord(record, name));
    }

    private void tidy(PodRecord pod) {
        if (pod.isGone()) {
            pod.namespace.pods.remove(pod.name);
            tidy(pod.namespace);
        }
    }

    private void tidy(NamespaceRecord namespace) {
        if (namespace.isGone()) {
            sets.disappears(namespace);
            namespaces.remove(namespace.name);
        }
    }

    private PolicyChange settle() {
        nameless.forEach(this::identify);
        List<PodProgram> programs = new ArrayList<>();
        for (EndpointRecord endpoint : stale) {
            compile(endpoint);
            Optional<PodProgram> program = Optional.of(endpoint.program);
            if (!endpoint.told.equals(program)) {
                endpoint.told = program;
                programs.add(endpoint.program);
            }
        }
        stale.clear();
        List<Endpoint> removed =
                gone.values().stream().map(PodProgram::endpoint).toList();
        gone.clear();
        released.forEach(PolicyRecord::dropUnused);
        released.clear();
        List<AddressSet> addedSets = new ArrayList<>();
        Map<SetId, PolicyChange.Members> changedSets = new HashMap<>();
        Set<SetId> removedSets = new HashSet<>();
        sets.settle(addedSets, changedSets, removedSets);
        return new PolicyChange(addedSets, changedSets, programs, removed, removedSets);
    }

    private void compile(EndpointRecord endpoint) {
        List<RuleBlock> before = endpoint.blocks;
        List<PolicyRecord> policies = policies(endpoint);
        List<RuleBlock> blocks = new ArrayList<>();
        DirectionProgram ingress = compile(endpoint, policies, Direction.INGRESS, blocks);
        DirectionProgram egress = compile(endpoint, policies, Direction.EGRESS, blocks);
        endpoint.program = new PodProgram(endpoint.endpoint, ingress, egress);
        endpoint.blocks = List.copyOf(blocks);
        blocks.forEach(sets::use);
        before.forEach(this::release);
    }

    private void release(RuleBlock block) {
        sets.release(block);
        released.add(block.policy);
    }

    /** Those that isolate the endpoint, in order: of an unknown pod every one that could. */
    private static List<PolicyRecord> policies(EndpointRecord endpoint) {
        if (endpoint.pod.isEmpty()) {
            return List.of();
        }
        NamespaceRecord namespace = endpoint.pod.get().namespace;
        Optional<Pod> pod = endpoint.known();
        if (pod.isEmpty()) {
            return List.copyOf(namespace.policies.values());
        }
        List<PolicyRecord> selecting = new ArrayList<>();
        namespace.selecting.candidates(pod.get().labels(), policy -> {
            if (policy.selects(pod)) {
                selecting.add(policy);
            }
        });
        selecting.sort(Comparator.comparing(policy -> policy.key));
        return selecting;
    }

    private DirectionProgram compile(
            EndpointRecord endpoint, List<PolicyRecord> policies, Direction direction, List<RuleBlock> blocks) {
        if (endpoint.unclear) {
            return DirectionProgram.CLOSED;
        }
        Optional<Pod> pod = endpoint.known();
        List<ObjectKey> isolatedBy = new ArrayList<>();
        List<CompiledRule> rules = new ArrayList<>();
        for (PolicyRecord policy : policies) {
            if (policy.policy.types().contains(direction)) {
                isolatedBy.add(policy.key);
                // Not of a policy that only might select the pod: it isolates, but what it allows is not known.
                if (policy.selects(pod)) {
                    RuleBlock block = policy.block(direction, pod, sets::of);
                    blocks.add(block);
                    rules.addAll(block.rules);
                }
            }
        }
        return isolatedBy.isEmpty()
                ? DirectionProgram.OPEN
                : new DirectionProgram(List.of(new TierProgram(Tier.NETWORK_POLICY, rules, Action.DENY, isolatedBy)));
    }
}
