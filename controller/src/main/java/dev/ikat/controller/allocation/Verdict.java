package dev.ikat.controller.allocation;

import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a service has from now on.
 *
 * @param service the service as it was told last
 * @param addresses its addresses, in the order of its families
 * @param refusal why these are not all that it wants; empty if they are, or it wants none
 */
public record Verdict(LoadBalancerService service, List<IpAddress> addresses, Optional<Refusal> refusal) {
    public Verdict {
        Objects.requireNonNull(service, "service");
        Objects.requireNonNull(refusal, "refusal");
        addresses = List.copyOf(addresses);
    }

    /** Whether its status says something else. */
    public boolean differs() {
        return !service.ingress().equals(addresses);
    }
}
