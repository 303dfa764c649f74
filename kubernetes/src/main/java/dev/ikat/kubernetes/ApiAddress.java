package dev.ikat.kubernetes;

import java.nio.file.Path;

/** The address of the Kubernetes API, and the credentials for it. */
public sealed interface ApiAddress {
    /** The word for {@link InCluster} on a command line. */
    String IN_CLUSTER = "in-cluster";

    /** From a kubeconfig file. */
    record Kubeconfig(Path file) implements ApiAddress {
        @Override
        public String toString() {
            return file.toString();
        }
    }

    /** From a pod's environment and its service account's files. */
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
