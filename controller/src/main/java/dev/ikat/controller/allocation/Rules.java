package dev.ikat.controller.allocation;

import dev.ikat.cluster.LoadBalancerService;
import java.time.Duration;
import java.util.Objects;

/**
 * Which services are given addresses, and when an address is given again.
 *
 * @param loadBalancerClass the class that services name ({@code spec.loadBalancerClass})
 * @param withoutClass whether services that name no class are given addresses, too
 * @param coolDown how long after an address was freed others are preferred to it
 */
public record Rules(String loadBalancerClass, boolean withoutClass, Duration coolDown) {
    public Rules {
        Objects.requireNonNull(loadBalancerClass, "loadBalancerClass");
        Objects.requireNonNull(coolDown, "coolDown");
    }

    /** Whether the service is one that gets its addresses here. */
    boolean concern(LoadBalancerService service) {
        return service.demand()
                .filter(demand -> demand.loadBalancerClass()
                        .map(loadBalancerClass::equals)
                        .orElse(withoutClass))
                .isPresent();
    }
}
