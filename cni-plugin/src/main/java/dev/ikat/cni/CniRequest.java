package dev.ikat.cni;

import dev.ikat.model.PodName;
import java.util.Map;
import java.util.Optional;

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

    /** The pod that CNI_ARGS names; empty if it names none, and if it is malformed. */
    public Optional<PodName> pod() {
        try {
            return CniArguments.parse(variable("CNI_ARGS")).pod();
        } catch (CniException e) {
            // Whoever handles the request refuses it.
            return Optional.empty();
        }
    }
}
