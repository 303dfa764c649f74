package dev.ikat.bgp.bird;

import dev.ikat.testbed.cluster.BirdRouter;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** A router outside of the cluster, which is a BIRD with a configuration written by hand in a namespace of its own. */
final class Router implements AutoCloseable {
    private final TestNamespace namespace;
    private final Path directory;
    private final String id;
    private Optional<BirdRouter> running = Optional.empty();

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

    /** Starts with these protocols. */
    Router start(String protocols) {
        running = Optional.of(BirdRouter.start(namespace, directory, configuration(protocols)));
        return this;
    }

    /** It learns what it hears, and gives it to its kernel. */
    private String configuration(String protocols) {
        return """
                log stderr all;
                router id %s;
                protocol device { scan time 1; }
                protocol direct { ipv4; ipv6; }
                protocol kernel { merge paths on; ipv4 { export all; import none; }; }
                protocol kernel { merge paths on; ipv6 { export all; import none; }; }
                """.formatted(id) + protocols;
    }

    /** Goes on with other protocols. */
    void become(String protocols) {
        running.orElseThrow().become(configuration(protocols));
    }

    /** What birdc(8) says to a command. */
    String ask(String... words) {
        return running.orElseThrow().ask(words);
    }

    TestNamespace namespace() {
        return namespace;
    }

    /** Whether its kernel has a route to exactly this prefix. */
    boolean reaches(String prefix) {
        return !namespace.ip("route", "show", "exact", prefix).isBlank();
    }

    /**
     * Has nothing pass an interface any more, though its link is up, as when who is at its other end has died. Neither
     * way: the one who notices first would say good-bye, and count as one that restarts.
     */
    static void silence(TestNamespace namespace, String link) {
        namespace.exec("nft", """
                table inet silence {
                  chain input { type filter hook input priority 0; iifname %1$s drop; }
                  chain output { type filter hook output priority 0; oifname %1$s drop; }
                }
                """.formatted(link));
    }

    /** Ends a BIRD at once, without a word to anybody. */
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
        running.ifPresent(BirdRouter::close);
    }
}
