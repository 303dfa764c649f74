package dev.ikat.agent.config;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Knows the reference CNI plugins: which of them can follow another in a list, and which set up an interface or assign
 * addresses instead. Of other plugins it knows nothing.
 */
final class ChainTypes {
    private static final Set<String> CHAINED = Set.of("bandwidth", "firewall", "portmap", "sbr", "tuning", "vrf");

    private static final Map<String, String> NOT_CHAINED = Map.ofEntries(
            Map.entry("bridge", "creates an interface"),
            Map.entry("dhcp", "assigns addresses"),
            Map.entry("dummy", "creates an interface"),
            Map.entry("flannel", "creates an interface"),
            Map.entry("host-device", "creates an interface"),
            Map.entry("host-local", "assigns addresses"),
            Map.entry("ipvlan", "creates an interface"),
            Map.entry("loopback", "creates an interface"),
            Map.entry("macvlan", "creates an interface"),
            Map.entry("ptp", "creates an interface"),
            Map.entry("static", "assigns addresses"),
            Map.entry("tap", "creates an interface"),
            Map.entry("vlan", "creates an interface"));

    private ChainTypes() {}

    /** Why a plugin of this type can't follow Ikat, as far as that is known. */
    static Optional<String> fault(String type) {
        String does = NOT_CHAINED.get(type);
        if (does != null) {
            return Optional.of("that plugin " + does + ", so it can't follow Ikat");
        }
        return CHAINED.contains(type)
                ? Optional.empty()
                : Similar.within(1, type, CHAINED).map(other -> "did you mean '" + other + "'?");
    }
}
