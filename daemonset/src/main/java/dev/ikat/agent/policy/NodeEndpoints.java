package dev.ikat.agent.policy;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cni.PodLink;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseState;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.program.Endpoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The interfaces of this node's pods that policy knows, and how they differ from the leases. Not thread-safe. */
final class NodeEndpoints {
    private final Map<InterfaceName, Endpoint> endpoints = new HashMap<>();

    /** The endpoint that has this lease. */
    static Endpoint of(Lease lease) {
        return new Endpoint(
                lease.attachment(),
                PodLink.of(lease.attachment()).hostName(),
                lease.addresses(),
                lease.pod().map(pod -> new ObjectKey(ObjectKind.POD, pod.namespace(), pod.name())),
                lease.isRebuilt());
    }

    /** Takes in what is different. */
    void update(PolicyInput input) {
        switch (input) {
            case PolicyInput.Wired(Endpoint endpoint) -> endpoints.put(endpoint.hostInterface(), endpoint);
            case PolicyInput.Unwired(InterfaceName name) -> endpoints.remove(name);
            case PolicyInput.Cluster _ -> {}
        }
    }

    /** Whether it is the one that its interface has now. */
    boolean has(Endpoint endpoint) {
        return endpoint.equals(endpoints.get(endpoint.hostInterface()));
    }

    int count() {
        return endpoints.size();
    }

    /**
     * What the leases say otherwise. An ADD asks for its own, and a pending lease is that ADD's; whoever releases one
     * tells of that.
     */
    List<PolicyInput> differences(List<Lease> leases) {
        List<PolicyInput> inputs = new ArrayList<>();
        Map<InterfaceName, Endpoint> surplus = new HashMap<>(endpoints);
        for (Lease lease : leases) {
            Endpoint endpoint = of(lease);
            Optional<Endpoint> known = Optional.ofNullable(surplus.remove(endpoint.hostInterface()));
            if (lease.state() == LeaseState.ACTIVE && !known.equals(Optional.of(endpoint))) {
                inputs.add(new PolicyInput.Wired(endpoint));
            }
        }
        surplus.keySet().forEach(name -> inputs.add(new PolicyInput.Unwired(name)));
        return inputs;
    }
}
