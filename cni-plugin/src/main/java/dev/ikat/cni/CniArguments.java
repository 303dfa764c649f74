package dev.ikat.cni;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.model.PodName;
import java.util.Optional;
import java.util.Set;

/**
 * What CNI_ARGS says: {@code KEY=VALUE} pairs, separated by semicolons. A key that is not known is an error unless
 * {@code IgnoreUnknown=1} is among them, as with the reference plugins.
 *
 * @param requestedAddress the address asked for by {@code IP=}
 * @param pod the pod named by {@code K8S_POD_NAMESPACE=} and {@code K8S_POD_NAME=}; empty unless both are
 */
record CniArguments(Optional<IpAddress> requestedAddress, Optional<PodName> pod) {
    /** What else Kubernetes' runtimes say about the pod. */
    private static final Set<String> KUBERNETES = Set.of("K8S_POD_INFRA_CONTAINER_ID", "K8S_POD_UID");

    /**
     * Parses the variable's value.
     *
     * @throws CniException {@link CniError#INVALID_ENVIRONMENT} if it is malformed
     */
    static CniArguments parse(String text) {
        Optional<IpAddress> address = Optional.empty();
        String namespace = "";
        String name = "";
        Optional<String> unknown = Optional.empty();
        boolean ignoreUnknown = false;
        for (String pair : text.isEmpty() ? new String[0] : text.split(";")) {
            int equals = pair.indexOf('=');
            if (equals < 1) {
                throw invalid("'" + pair + "' is not KEY=VALUE");
            }
            String key = pair.substring(0, equals);
            String value = pair.substring(equals + 1);
            switch (key) {
                case "IgnoreUnknown" ->
                    ignoreUnknown = Set.of("1", "true", "True", "TRUE").contains(value);
                case "IP" -> {
                    try {
                        address = Optional.of(addressWithOptionalPrefix(value));
                    } catch (IllegalArgumentException e) {
                        throw invalid("IP: " + e.getMessage());
                    }
                }
                case "K8S_POD_NAMESPACE" -> namespace = value;
                case "K8S_POD_NAME" -> name = value;
                default -> {
                    if (!KUBERNETES.contains(key)) {
                        unknown = Optional.of(key);
                    }
                }
            }
        }
        if (unknown.isPresent() && !ignoreUnknown) {
            throw invalid("unknown key '" + unknown.get() + "'; add IgnoreUnknown=1 to ignore it");
        }
        return new CniArguments(address, pod(namespace, name));
    }

    private static Optional<PodName> pod(String namespace, String name) {
        if (namespace.isEmpty() || name.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new PodName(namespace, name));
        } catch (IllegalArgumentException e) {
            throw invalid("K8S_POD_NAMESPACE, K8S_POD_NAME: " + e.getMessage());
        }
    }

    private static CniException invalid(String details) {
        return new CniException(CniError.INVALID_ENVIRONMENT, "CNI_ARGS is invalid", details);
    }

    /** An address, with or without a prefix length, which a pod's address has no use for. */
    static IpAddress addressWithOptionalPrefix(String text) {
        return text.indexOf('/') >= 0 ? InterfaceAddress.parse(text).address() : IpAddress.parse(text);
    }
}
