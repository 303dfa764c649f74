package dev.ikat.testbed.cluster;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The built product, as it is installed on a node: {@code cni/ikat} with its cold runtime, and
 * {@code agent/bin/ikat-agent}.
 *
 * @param root the directory of both
 */
public record Distribution(Path root) {
    /** The system property that names it. */
    public static final String PROPERTY = "ikat.distribution";

    /**
     * The distribution that the system property names.
     *
     * @throws IllegalStateException if it is not set or the build has not been run
     */
    public static Distribution configured() {
        String root = System.getProperty(PROPERTY);
        if (root == null) {
            throw new IllegalStateException("no distribution: set -D" + PROPERTY + "=daemonset/target/ikat");
        }
        Distribution distribution = new Distribution(Path.of(root).toAbsolutePath());
        if (!Files.isExecutable(distribution.agent()) || !Files.isExecutable(distribution.launcher())) {
            throw new IllegalStateException(distribution.root + " is not a built distribution; run ./dev build first");
        }
        return distribution;
    }

    /** The directory of the CNI plugin, to be installed as /opt/cni/bin. */
    public Path cni() {
        return root.resolve("cni");
    }

    /** The program that a runtime executes. */
    public Path launcher() {
        return cni().resolve("ikat");
    }

    /** The node agent. */
    public Path agent() {
        return root.resolve("agent/bin/ikat-agent");
    }
}
