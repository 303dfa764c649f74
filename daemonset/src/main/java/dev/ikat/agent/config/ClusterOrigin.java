package dev.ikat.agent.config;

import dev.ikat.kubernetes.ApiAddress;
import java.nio.file.Path;

/** The source of the cluster's objects. */
public sealed interface ClusterOrigin {
    /** The Kubernetes manifests in a directory. */
    record Manifests(Path directory) implements ClusterOrigin {}

    /** The Kubernetes API. */
    record Api(ApiAddress address) implements ClusterOrigin {}
}
