package dev.ikat.bgp.bird;

import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A router outside of the cluster, which is a BIRD with a configuration written by hand in a namespace of its own. */
final class Router implements AutoCloseable {
    private final TestNamespace namespace;
    private final Path directory;
    private final String id;

    Router(TestNamespace namespace, Path directory, String id) {
        this.namespace = namespace;
        this.directory = directory;
        this.id = id;
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ikat's own BIRD in this namespace. */
    static Bird bird(TestNamespace node, BirdFiles files) {
        return new Bird(files, options -> {
            ProcessResult run = node.runner(
                            Stream.concat(Stream.of("bird"), options.stream()).toArray(String[]::new))
                    .run();
            return new BirdProgram.Run(run.exitCode(), run.stderr().strip());
        });
    }

    private List<String> files() {
        return List.of(
                "-c",
                directory.resolve("conf").toString(),
                "-s",
                directory.resolve("ctl").toString(),
                "-P",
                pidFile().toString());
    }

    private Path pidFile() {
        return directory.resolve("pid");
    }

    /** Starts with these protocols. */
    Router start(String protocols) {
        write(protocols);
        namespace
                .runner(Stream.concat(Stream.of("bird"), files().stream()).toArray(String[]::new))
                .run()
                .orThrow();
        return this;
    }

    private void write(String protocols) {
        try {
            // It learns what it hears, and gives it to its kernel.
            String common = """
                    log "%1$s/log" all;
                    router id %2$s;
                    protocol device { scan time 1; }
                    protocol direct { ipv4; ipv6; }
                    protocol kernel { merge paths on; ipv4 { export all; import none; }; }
                    protocol kernel { merge paths on; ipv6 { export all; import none; }; }
                    """.formatted(directory, id);
            Files.writeString(directory.resolve("conf"), common + protocols);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Goes on with other protocols. */
    void become(String protocols) {
        write(protocols);
        ask("configure");
    }

    /** What birdc(8) says to a command. */
    String ask(String... words) {
        List<String> command = Stream.concat(
                        Stream.of("birdc", "-s", directory.resolve("ctl").toString()), Stream.of(words))
                .toList();
        return namespace.runner(command.toArray(String[]::new)).run().stdout();
    }

    TestNamespace namespace() {
        return namespace;
    }

    /** Whether its kernel has a route to exactly this prefix. */
    boolean reaches(String prefix) {
        return !namespace.ip("route", "show", "exact", prefix).isBlank();
    }

    /** Ends at once, without a word to anybody. */
    void kill() {
        kill(pidFile());
    }

    static void kill(Path pidFile) {
        try {
            long pid = Long.parseLong(Files.readString(pidFile).strip());
            ProcessHandle.of(pid).ifPresent(process -> {
                process.destroyForcibly();
                process.onExit().join();
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        ProcessResult _ = namespace
                .runner("birdc", "-s", directory.resolve("ctl").toString(), "down")
                .run();
    }
}
