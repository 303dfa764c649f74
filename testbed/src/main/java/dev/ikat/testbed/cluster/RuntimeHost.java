package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A host for a real container runtime that does not touch the machine's own state: a node's network namespace plus
 * mounts and processes of its own. /run is empty, /etc, /opt and /var are overlays, the plugin is in /opt/cni/bin. When
 * its first process ends, the kernel ends all others (pid_namespaces(7)), including shims and zombies. Network
 * namespaces that are named on the machine later are visible here too, and mounts can be passed on to containers, as on
 * a machine with an init of its own; nothing that is mounted here is visible outside.
 */
public final class RuntimeHost implements AutoCloseable {
    /** Becomes process 1 of the host: makes the mounts, says so, and reaps what is left to it until it is killed. */
    private static final String INIT = """
            set -e
            mount --make-rshared /
            mount -t proc proc /proc
            mount -t tmpfs -o mode=755 tmpfs "$1"
            for d in etc opt var; do
              mkdir -p "$1/$d.new" "$1/$d.work"
              mount -t overlay -o "lowerdir=/$d,upperdir=$1/$d.new,workdir=$1/$d.work" overlay "/$d"
            done
            rm -rf /etc/cni/net.d
            mkdir -p /etc/cni/net.d /opt/cni/bin
            mount --bind "$2" /opt/cni/bin
            netns=$(mktemp -d -p "$1")
            mount --rbind /run/netns "$netns"
            mount -t tmpfs -o mode=755 tmpfs /run
            mkdir -p /run/netns /run/ikat
            mount --rbind "$netns" /run/netns
            echo ready >"$1/ready"
            trap : TERM INT HUP
            while :; do sleep 1000 & wait $! || :; done
            """;

    private final Process process;
    private final TestNamespace namespace;
    private final long init;

    private RuntimeHost(Process process, TestNamespace namespace, long init) {
        this.process = process;
        this.namespace = namespace;
        this.init = init;
    }

    /** Makes the mounts, in a directory for their contents, and returns when they are there. */
    static RuntimeHost start(TestNamespace namespace, Path home, Distribution distribution) {
        Path mounts = home.resolve("mounts");
        mounts.toFile().mkdirs();
        List<String> command = List.of(
                "setsid",
                "nsenter",
                "--net=" + namespace.path(),
                "unshare",
                "--mount",
                "--propagation=slave",
                "--pid",
                "--fork",
                "--kill-child",
                "/bin/sh",
                "-c",
                INIT,
                "init",
                mounts.toString(),
                distribution.cni().toString());
        Path log = home.resolve("host.log");
        Process process = ProcessRunner.of(command).startInBackground(log);
        long init = awaitInit(process, log);
        RuntimeHost host = new RuntimeHost(process, namespace, init);
        Path ready = host.root().resolve(Path.of("/").relativize(mounts)).resolve("ready");
        Await.until(Duration.ofSeconds(10), () -> "no mounts for " + namespace + ": " + read(log), () -> {
            if (!process.isAlive()) {
                throw new CommandFailedException("no mounts for " + namespace + ": " + read(log));
            }
            return Files.exists(ready);
        });
        return host;
    }

    private static long awaitInit(Process process, Path log) {
        Await.until(
                Duration.ofSeconds(5),
                () -> "unshare made no process: " + read(log),
                () -> process.children().findAny().isPresent());
        return process.children().findAny().orElseThrow().pid();
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The process whose end ends the host. */
    long pid() {
        return process.pid();
    }

    /** The process that has this number on the host, which has others here (proc(5), NSpid of status). */
    Optional<ProcessHandle> process(long pidOnHost) {
        return process.descendants()
                .filter(candidate ->
                        numbers(candidate.pid()).skip(1).findFirst().equals(Optional.of(pidOnHost)))
                .findFirst();
    }

    private static Stream<Long> numbers(long pid) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
            String line =
                    lines.filter(each -> each.startsWith("NSpid:")).findFirst().orElse("");
            return Stream.of(line.split("\\s+", -1)).skip(1).map(Long::parseLong);
        } catch (IOException | UncheckedIOException e) {
            // It has ended meanwhile.
            return Stream.empty();
        }
    }

    /** The host's root directory, as seen from here. */
    public Path root() {
        return Path.of("/proc/" + init + "/root");
    }

    /** The command that runs {@code command} on the host. */
    public List<String> entering(List<String> command) {
        List<String> entering = new ArrayList<>(List.of(
                "nsenter",
                "--net=" + namespace.path(),
                "--mount=/proc/" + init + "/ns/mnt",
                "--pid=/proc/" + init + "/ns/pid"));
        entering.addAll(command);
        return entering;
    }

    /** Runs a command on the host and returns what it printed; fails if its exit code is not 0. */
    public String exec(String... command) {
        return ProcessRunner.of(entering(List.of(command))).run().orThrow().stdout();
    }

    /** Starts a server on the host with its output in this file. */
    public Process startInBackground(Path log, String... command) {
        return ProcessRunner.of(entering(List.of(command))).startInBackground(log);
    }

    /** Ends every process of the host; its mounts end with the last one. */
    @Override
    public void close() {
        ProcessHandle.of(init).ifPresent(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // Groups are removed once the kernel has reaped what was in them.
        Await.until(
                Duration.ofSeconds(5),
                () -> "process " + init + " does not end",
                () -> !ProcessHandle.of(init).map(ProcessHandle::isAlive).orElse(false));
    }
}
