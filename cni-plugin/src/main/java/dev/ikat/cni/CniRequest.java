package dev.ikat.cni;

import java.util.Map;

/**
 * The input that a runtime gives to a plugin, not parsed yet.
 *
 * @param environment the CNI_* variables
 * @param stdin the network configuration
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, and copying each request would be waste
public record CniRequest(Map<String, String> environment, byte[] stdin) {
    public CniRequest {
        environment = Map.copyOf(environment);
    }

    /** The variable's value, empty if it is not set. */
    public String variable(String name) {
        return environment.getOrDefault(name, "");
    }
}
