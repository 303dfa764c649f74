package dev.ikat.controller.allocation;

import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** A service with what it has. Two are equal only if they are the same. Not thread-safe. */
final class Claimant {
    /** The older service before the younger, and where that is not known by name. */
    static final Comparator<Claimant> SENIORITY = Comparator.comparing(
                    (Claimant claimant) -> claimant.service().created().orElse(Instant.MAX))
            .thenComparing(Claimant::key);

    private final ObjectKey key;
    private LoadBalancerService service;
    private boolean known;
    private boolean managed;
    private final List<IpAddress> held = new ArrayList<>(2);
    private Optional<Refusal> refusal = Optional.empty();

    Claimant(LoadBalancerService service) {
        this.key = service.key();
        this.service = service;
    }

    ObjectKey key() {
        return key;
    }

    LoadBalancerService service() {
        return service;
    }

    void become(LoadBalancerService now) {
        service = now;
    }

    /** What it has, or, the first time, what its status says that it has. */
    List<IpAddress> claims() {
        List<IpAddress> claims = known ? List.copyOf(held) : service.ingress();
        known = true;
        return claims;
    }

    /** Whether its status is to say what it has here. */
    boolean isManaged() {
        return managed;
    }

    void manage(boolean now) {
        managed = now;
    }

    /** What it has; may be changed. */
    List<IpAddress> held() {
        return held;
    }

    boolean has(IpFamily family) {
        return held.stream().anyMatch(address -> address.family() == family);
    }

    /** Orders what it has as it wants its families. */
    void arrange(Demand demand) {
        held.sort(Comparator.comparingInt(address -> demand.families().indexOf(address.family())));
    }

    Optional<Refusal> refusal() {
        return refusal;
    }

    void refuse(Optional<Refusal> why) {
        refusal = why;
    }
}
