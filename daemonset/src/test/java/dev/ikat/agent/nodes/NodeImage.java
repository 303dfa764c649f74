package dev.ikat.agent.nodes;

import dev.ikat.testbed.cluster.DockerEngine;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** The image, made as {@code ./dev image} makes it, by an engine of the test's own. */
final class NodeImage {
    static final String NAME = "ikat-agent:0.1.0";

    /** What deploy/image/build.sh ends with where it can have no base. */
    private static final int NO_BASE = 3;

    private static final Path BUILD = Path.of("deploy/image/build.sh").toAbsolutePath();
    private static final Duration BUILD_LIMIT = Duration.ofMinutes(15);

    private NodeImage() {}

    /** Makes it; skips the test where there is no Debian to make it of. */
    static void build(DockerEngine engine) {
        ProcessResult result = ProcessRunner.of(BUILD.toString(), "--tag=" + NAME, "--archive=none")
                .withEnvironment(Map.of("DOCKER_HOST", engine.endpoint()))
                .withLimit(BUILD_LIMIT)
                .run();
        Assumptions.assumeFalse(
                result.exitCode() == NO_BASE,
                () -> "needs a base for the image: " + result.stderr().strip());
        result.orThrow();
    }

    /** Its size in bytes, as the engine says it. */
    static long size(DockerEngine engine) {
        return Long.parseLong(engine.docker("image", "inspect", "--format={{.Size}}", NAME)
                .run()
                .orThrow()
                .stdout()
                .strip());
    }

    /** The lines of a file in it. */
    static List<String> lines(DockerEngine engine, String file) {
        return engine.docker(
                        "run",
                        "--rm",
                        "--network=none",
                        "--entrypoint=/bin/sh",
                        NAME,
                        "-c",
                        "while read -r line; do echo \"$line\"; done <\"$0\"",
                        file)
                .run()
                .orThrow()
                .stdout()
                .lines()
                .toList();
    }
}
