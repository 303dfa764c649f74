package dev.ikat.agent.services;

import java.util.List;
import java.util.Optional;

/**
 * What has become of services on this node.
 *
 * @param dataplane the name of the dataplane that has them in force; empty if none has
 * @param reason why they are not in force; empty if they are
 * @param services how many ports of services there are
 * @param frontends how many addresses and ports they are reached at on this node
 * @param backends how many different sockets connections go to
 * @param remarks what the kernel lacks here that would make them faster, a sentence each
 * @param findings what is wrong with services, or in the way of them, a sentence each
 */
public record ServiceState(
        Optional<String> dataplane,
        Optional<String> reason,
        int services,
        int frontends,
        int backends,
        List<String> remarks,
        List<String> findings) {
    /** Ikat has nothing to do with services here. */
    public static final ServiceState OFF =
            new ServiceState(Optional.empty(), Optional.of("services is false"), 0, 0, 0, List.of(), List.of());

    public ServiceState {
        remarks = List.copyOf(remarks);
        findings = List.copyOf(findings);
    }
}
