package dev.ikat.kubernetes;

import java.nio.file.Path;

/** Where the Kubernetes API is, and who asks it. */
public sealed interface ApiAddress {
    /** What stands for {@link InCluster} on a command line. */
    String IN_CLUSTER = "in-cluster";

    /** As a kubeconfig file says. */
    record Kubeconfig(Path file) implements ApiAddress {
        @Override
        public String toString() {
            return file.toString();
        }
    }

    /** As the environment and the service account's files of a pod say. */
    record InCluster() implements ApiAddress {
        @Override
        public String toString() {
            return IN_CLUSTER;
        }
    }

    /** A file's name, or {@value #IN_CLUSTER}. */
    static ApiAddress parse(String text) {
        return text.equals(IN_CLUSTER)
                ? new InCluster()
                : new Kubeconfig(Path.of(text).toAbsolutePath());
    }
}
