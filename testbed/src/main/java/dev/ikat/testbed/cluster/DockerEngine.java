package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.RunOwner;
import dev.ikat.testbed.host.StaleResources;
import dev.ikat.testbed.host.Teardown;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A dockerd of its own on a {@link RuntimeHost}: its networks are bridges in a namespace of their own, and its images
 * and containers are in a directory that is removed with it. It does not touch the machine's interfaces, rules and
 * mounts, or another dockerd. When the host's first process ends, the kernel ends the containers too.
 */
public final class DockerEngine implements AutoCloseable {
    private static final Duration START_LIMIT = Duration.ofSeconds(60);

    private final TestNamespace namespace;
    private final Path directory;
    private final String group;
    private final RuntimeHost host;

    private DockerEngine() {
        namespace = TestNamespace.create();
        group = RunOwner.uniqueName();
        // Not in TestDirectory: images are large.
        directory = directory(TestDirectory.onDisk().resolve(RunOwner.uniqueName()));
        host = RuntimeHost.start(namespace, directory, Distribution.configured());
    }

    /**
     * Starts it and returns when it answers.
     *
     * @throws CommandFailedException if it ends or does not answer; the message has the end of its log
     */
    public static DockerEngine start() {
        DockerEngine engine = Teardown.make(DockerEngine::new);
        try {
            engine.startDaemon();
            return engine;
        } catch (RuntimeException | Error e) {
            engine.close();
            throw e;
        }
    }

    private void startDaemon() {
        Path log = directory.resolve("dockerd.log");
        List<String> command = List.of(
                "dockerd",
                "--host=" + endpoint(),
                "--data-root=" + directory.resolve("data"),
                "--exec-root=/run/docker",
                "--pidfile=/run/docker.pid",
                "--bridge=none",
                "--iptables=false",
                "--ip6tables=false",
                "--ip-forward=false",
                "--userland-proxy=false",
                // Its parent has a name that a sweep knows, which systemd would not take.
                "--exec-opt=native.cgroupdriver=cgroupfs",
                "--cgroup-parent=/" + group,
                // Engines ask for more than what a machine that is itself confined may give.
                "--oom-score-adjust=0",
                "--default-ulimit=nofile=1024:1024",
                "--default-ulimit=nproc=1024:1024");
        Process daemon = ProcessRunner.of(host.entering(command))
                .withEnvironment(Map.of("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
                .startInBackground(log);
        Await.until(START_LIMIT, () -> "dockerd does not answer: " + tail(log), () -> {
            if (!daemon.isAlive()) {
                throw new CommandFailedException("dockerd has ended: " + tail(log));
            }
            return Files.exists(directory.resolve("docker.sock"))
                    && docker("version").run().succeeded();
        });
    }

    private static String tail(Path log) {
        try {
            List<String> lines = Files.readAllLines(log);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - 10), lines.size()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path directory(Path path) {
        try {
            return Files.createDirectories(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Its address, in the format of DOCKER_HOST. */
    public String endpoint() {
        return "unix://" + directory.resolve("docker.sock");
    }

    /** The namespace that the bridges of its networks are in. */
    public TestNamespace namespace() {
        return namespace;
    }

    /** Creates a directory that can be mounted in containers, and is removed with the engine. */
    public Path directory(String relative) {
        return directory(directory.resolve("given").resolve(relative));
    }

    /** A runner of docker's command line. */
    public ProcessRunner docker(String... arguments) {
        List<String> command = new ArrayList<>(List.of("docker", "--host", endpoint()));
        command.addAll(List.of(arguments));
        return ProcessRunner.of(command);
    }

    /**
     * The process that has this number in the engine.
     *
     * @throws CommandFailedException if there is none
     */
    public ProcessHandle process(long pid) {
        return host.process(pid).orElseThrow(() -> new CommandFailedException("the engine has no process " + pid));
    }

    /** Ends it and every container, and removes everything that it stored. Idempotent. */
    @Override
    public void close() {
        Teardown.forget(this);
        host.close();
        namespace.close();
        StaleResources.controlGroups(group).forEach(StaleResources::removeControlGroup);
        TestDirectory.deleteTree(directory);
    }
}
