package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.Teardown;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A router outside of the cluster: BIRD in a network namespace, by a configuration written by hand. */
public final class BirdRouter implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private final TestNamespace namespace;
    private final Path directory;
    private final Process process;

    private BirdRouter(TestNamespace namespace, Path directory, Process process) {
        this.namespace = namespace;
        this.directory = directory;
        this.process = process;
    }

    /**
     * Starts it, and waits until it answers.
     *
     * @param directory which has its files
     * @param configuration what it is to do
     */
    public static BirdRouter start(TestNamespace namespace, Path directory, String configuration) {
        write(directory, configuration);
        BirdRouter router = Teardown.make(() -> new BirdRouter(namespace, directory, launch(namespace, directory)));
        Await.until(
                LIMIT,
                () -> "BIRD of a router does not answer: see " + log(directory),
                () -> router.process.isAlive()
                        && router.asks("show", "status").run().succeeded());
        return router;
    }

    /** Ctrl-C is for this process, which then ends it in order. */
    private static Process launch(TestNamespace namespace, Path directory) {
        List<String> command = new ArrayList<>(List.of("setsid"));
        command.addAll(namespace.entering(List.of(
                "bird",
                "-f",
                "-c",
                directory.resolve("bird.conf").toString(),
                "-s",
                socket(directory).toString(),
                "-P",
                directory.resolve("bird.pid").toString())));
        return ProcessRunner.of(command).startInBackground(log(directory));
    }

    private static Path log(Path directory) {
        return directory.resolve("bird.log");
    }

    private static Path socket(Path directory) {
        return directory.resolve("bird.ctl");
    }

    private static void write(Path directory, String configuration) {
        try {
            Files.writeString(directory.resolve("bird.conf"), configuration);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ProcessRunner asks(String... words) {
        List<String> command =
                new ArrayList<>(List.of("birdc", "-s", socket(directory).toString()));
        command.addAll(List.of(words));
        return ProcessRunner.of(command);
    }

    /** Goes on by another configuration. */
    public void become(String configuration) {
        write(directory, configuration);
        asks("configure").run().orThrow();
    }

    /** What birdc(8) says to a command. */
    public String ask(String... words) {
        return asks(words).run().orThrow().stdout();
    }

    /** Its network namespace. */
    public TestNamespace namespace() {
        return namespace;
    }

    /** Ends it at once. */
    @Override
    public void close() {
        Teardown.forget(this);
        try {
            process.destroyForcibly().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
