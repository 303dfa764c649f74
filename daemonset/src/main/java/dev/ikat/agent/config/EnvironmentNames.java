package dev.ikat.agent.config;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Finds environment variables that look as if they set something, and set nothing. Kubernetes also gives a container
 * variables named after each Service of its namespace, which mean nothing to the agent.
 */
final class EnvironmentNames {
    /** What the agent, its start script, the launcher and the scripts of this repository read besides settings. */
    private static final Set<String> OTHERS = Set.of(
            "IKAT_CONFIG",
            "IKAT_JAVA_OPTIONS",
            "IKAT_AOT_OPTION",
            "IKAT_PROC_SYS",
            "IKAT_CGROUP",
            "IKAT_TIMEOUT",
            "IKAT_CLUSTER_CACHE",
            "IKAT_E2E_IMAGE");

    private static final String OF_SERVICE = "_SERVICE_HOST";

    private EnvironmentNames() {}

    /** One line for each variable whose name begins with {@code IKAT_} and is unknown. */
    static List<String> faults(Map<String, String> environment) {
        Set<String> known = new TreeSet<>(OTHERS);
        Arrays.stream(Setting.values()).forEach(setting -> known.addAll(setting.variables()));
        Set<String> documented = new TreeSet<>(Set.of("IKAT_CONFIG"));
        Setting.documented().forEach(setting -> documented.addAll(setting.variables()));
        return new TreeMap<>(environment)
                .keySet().stream()
                        .filter(name -> name.startsWith(Setting.PREFIX)
                                && !known.contains(name)
                                && !isOfService(name, environment))
                        .map(name -> name + ": unknown variable; "
                                + Similar.to(name, documented)
                                        .map(other -> "did you mean '" + other + "'?")
                                        .orElse("unset it; 'ikat-agent --help' lists all settings"))
                        .toList();
    }

    private static boolean isOfService(String name, Map<String, String> environment) {
        return environment.keySet().stream()
                .filter(other -> other.endsWith(OF_SERVICE))
                .map(other -> other.substring(0, other.length() - OF_SERVICE.length()))
                .anyMatch(service -> name.startsWith(service + "_SERVICE_")
                        || name.equals(service + "_PORT")
                        || name.startsWith(service + "_PORT_"));
    }
}
