package dev.ikat.agent.config;

import dev.ikat.kubernetes.ApiAddress;
import java.nio.file.Path;

/** Where it is said what the cluster is. */
public sealed interface ClusterOrigin {
    /** In the Kubernetes manifests of a directory. */
    record Manifests(Path directory) implements ClusterOrigin {}

    /** By the Kubernetes API. */
    record Api(ApiAddress address) implements ClusterOrigin {}
}
