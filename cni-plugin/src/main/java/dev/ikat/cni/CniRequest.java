package dev.ikat.cni;

import dev.ikat.model.PodName;
import dev.ikat.netlink.namespace.NetworkNamespace;
import java.util.Map;
import java.util.Optional;

/**
 * The input that a runtime gives to a plugin, not parsed yet.
 *
 * @param environment the CNI_* variables
 * @param stdin the network configuration
 * @param namespace what CNI_NETNS names, where somebody opened it who may see more than this process; closed by whoever
 *     handles the request, or the one who made it
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, and copying each request would be waste
public record CniRequest(Map<String, String> environment, byte[] stdin, Optional<NetworkNamespace> namespace) {
    public CniRequest {
        environment = Map.copyOf(environment);
    }

    /** A request whose namespace nobody has opened. */
    public CniRequest(Map<String, String> environment, byte[] stdin) {
        this(environment, stdin, Optional.empty());
    }

    /** The same with its namespace. */
    public CniRequest in(Optional<NetworkNamespace> opened) {
        return new CniRequest(environment, stdin, opened);
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
