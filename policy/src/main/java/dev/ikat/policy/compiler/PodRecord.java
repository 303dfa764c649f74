package dev.ikat.policy.compiler;

import dev.ikat.model.IpAddress;
import dev.ikat.policy.Pod;
import dev.ikat.policy.compiler.SetMeaning.PortOfName;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.SetMember.AddressMember;
import dev.ikat.policy.program.SetMember.PortMember;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A pod of the cluster, or of this node before the cluster tells of it. */
final class PodRecord {
    final NamespaceRecord namespace;
    final String name;
    Optional<Pod> pod = Optional.empty();

    /** Its interfaces on this node; few. */
    List<EndpointRecord> endpoints = List.of();

    /** Made once for all the sets that hold them. */
    private List<SetMember> addresses = List.of();

    PodRecord(NamespaceRecord namespace, String name) {
        this.namespace = namespace;
        this.name = name;
    }

    /** Whether nothing is left of it. */
    boolean isGone() {
        return pod.isEmpty() && endpoints.isEmpty();
    }

    /** To be called after each change of the fields. */
    void settle() {
        List<SetMember> members = new ArrayList<>();
        if (pod.isPresent() && !pod.get().hostNetwork() && !pod.get().ended()) {
            if (endpoints.isEmpty()) {
                pod.get().ips().forEach(address -> members.add(new AddressMember(address)));
            } else {
                // The node knows them before the status has them.
                endpoints.stream()
                        .flatMap(endpoint -> endpoint.endpoint.addresses().stream())
                        .distinct()
                        .forEach(address -> members.add(new AddressMember(address)));
            }
        }
        addresses = List.copyOf(members);
    }

    /** Whether a set can have anything of it. */
    boolean hasAddresses() {
        return !addresses.isEmpty();
    }

    /** What a set has of it; none if the set does not select it. The reach of the set is not looked at. */
    List<SetMember> membersIn(SetMeaning meaning) {
        if (addresses.isEmpty()
                || pod.isEmpty()
                || !meaning.pods().matches(pod.get().labels())) {
            return List.of();
        }
        if (meaning.port().isEmpty()) {
            return addresses;
        }
        PortOfName named = meaning.port().get();
        Optional<Integer> port = pod.get().port(named.name(), named.protocol());
        if (port.isEmpty()) {
            return List.of();
        }
        List<SetMember> members = new ArrayList<>();
        for (SetMember member : addresses) {
            IpAddress address = member.address();
            members.add(new PortMember(address, named.protocol(), port.get()));
        }
        return members;
    }
}
