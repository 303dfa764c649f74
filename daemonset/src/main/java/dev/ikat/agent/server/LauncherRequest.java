package dev.ikat.agent.server;

import java.util.Map;

/**
 * What a runtime gave to the launcher.
 *
 * @param environment the CNI_* variables
 * @param stdin the network configuration, as it was read
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, and copying each request would be waste
public record LauncherRequest(Map<String, String> environment, byte[] stdin) {
    public LauncherRequest {
        environment = Map.copyOf(environment);
    }

    /** The variable's value, empty where it was not set. */
    public String variable(String name) {
        return environment.getOrDefault(name, "");
    }
}
