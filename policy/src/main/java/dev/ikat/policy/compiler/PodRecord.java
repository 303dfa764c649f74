package dev.ikat.policy.compiler;

import dev.ikat.cluster.Pod;
import dev.ikat.model.IpAddress;
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

    /** The addresses that its object says it has; none if it has ended, or they are its node's. */
    List<IpAddress> said() {
        return hasNetwork() ? pod.orElseThrow().ips() : List.of();
    }

    private boolean hasNetwork() {
        return pod.isPresent() && !pod.get().hostNetwork() && !pod.get().ended();
    }

    /** Those of its interfaces here, which the node knows before the status has them. */
    private List<IpAddress> wired() {
        return endpoints.stream()
                .flatMap(endpoint -> endpoint.endpoint.addresses().stream())
                .distinct()
                .toList();
    }

    /** To be called after each change of the fields, and after each change of who has one of its addresses. */
    void settle(AddressBook book) {
        List<SetMember> members = new ArrayList<>();
        if (hasNetwork()) {
            for (IpAddress address : endpoints.isEmpty() ? said() : wired()) {
                if (book.has(this, address)) {
                    members.add(new AddressMember(address));
                }
            }
        }
        addresses = List.copyOf(members);
    }

    @Override
    public String toString() {
        return "Pod " + namespace.name + "/" + name;
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
