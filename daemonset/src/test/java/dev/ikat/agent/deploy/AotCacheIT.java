package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.ProcessRunner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the agent's AOT cache saves at each start. */
class AotCacheIT {
    /** Those that the JVM makes at run time, which no jar has. */
    private static final String MADE = ".*(jdk\\.proxy|LambdaForm|\\$\\$Lambda).*";

    @Test
    void everyClassThatReadsTheCommandLineComesFromTheCache(@TempDir Path directory) throws IOException {
        Path log = directory.resolve("classes");
        ProcessRunner.of(Distribution.configured().agent().toString(), "--version")
                .withEnvironment(Map.of("IKAT_JAVA_OPTIONS", "-Xlog:class+load:file=" + log))
                .run()
                .orThrow();
        List<String> loaded = Files.readAllLines(log);
        assertThat(loaded).anyMatch(line -> line.contains("picocli."));
        assertThat(loaded)
                .filteredOn(line -> !line.contains("shared objects file") && !line.matches(MADE))
                .isEmpty();
    }
}
