package dev.ikat.testbed.cluster;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.RunOwner;
import dev.ikat.testbed.host.StaleResources;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * A real container runtime on a {@link RuntimeHost}, which calls the CNI plugins of /opt/cni/bin with the configuration
 * in /etc/cni/net.d. Containers run {@link ContainerImage#COMMAND}.
 */
public sealed interface ContainerRuntime extends AutoCloseable {
    /** How long a container may take to start or to end. */
    Duration LIMIT = Duration.ofSeconds(20);

    /** Starts a container with an interface on the network; returns when it runs. */
    void start(String container);

    /** Runs a command in a container and returns what it printed. */
    String exec(String container, String... command);

    /** Kills and removes a container; returns when the runtime has called DEL and forgotten it. */
    void remove(String container);

    @Override
    void close();

    /** The global addresses of eth0 in a container, as the container itself sees them. */
    default List<IpAddress> addresses(String container) {
        return exec(container, "/bin/ip", "-o", "address", "show", "dev", "eth0", "scope", "global")
                .lines()
                .flatMap(line -> Stream.of(line.split(" +", -1)).filter(word -> word.matches("[0-9a-f.:]+/[0-9]+")))
                .map(word -> InterfaceAddress.parse(word).address())
                .distinct()
                .toList();
    }

    /** The targets among the given addresses that a container could not reach, by TCP, UDP and ICMP; one line each. */
    default List<String> unreached(String container, List<IpAddress> addresses) {
        StringBuilder targets = new StringBuilder();
        for (IpAddress address : addresses) {
            for (String protocol : List.of("tcp", "udp", "icmp")) {
                targets.append("%s/%s - %s %s %d %d\\n"
                        .formatted(protocol, address, protocol, address, ClusterPod.PORT, Probe.SMALL));
            }
        }
        String script = "echo -en '" + targets + "' | /bin/ikat-probe check";
        return exec(container, "/bin/sh", "-c", script)
                .lines()
                .filter(line -> !line.contains(" ok "))
                .toList();
    }

    /** containerd with its command {@code ctr run --cni}: the first configuration of /etc/cni/net.d. */
    final class Containerd implements ContainerRuntime {
        private final RuntimeHost host;
        private final String group;
        private final Path home;
        private final Map<String, Process> containers = new HashMap<>();
        private int execs;

        /** Starts the server with its files in {@code home} and imports the image. */
        public Containerd(RuntimeHost host, Path home) {
            this.host = host;
            this.home = home;
            this.group = RunOwner.uniqueName();
            write(home.resolve("config.toml"), """
                    version = 2
                    root = "%s/root"
                    state = "/run/containerd"
                    disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
                      "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
                      "io.containerd.snapshotter.v1.aufs"]
                    [grpc]
                      address = "/run/containerd/containerd.sock"
                    """.formatted(home));
            Process server = host.startInBackground(
                    home.resolve("containerd.log"),
                    "containerd",
                    "-c",
                    home.resolve("config.toml").toString());
            Await.until(LIMIT, () -> "containerd does not answer: " + read(home.resolve("containerd.log")), () -> {
                return server.isAlive() && runner("version").run().succeeded();
            });
            runner(
                            "image",
                            "import",
                            ContainerImage.write(directory(home.resolve("image")))
                                    .toString())
                    .run()
                    .orThrow();
        }

        /** The containerd namespace is also the parent control group, whose name a sweep knows. */
        private ProcessRunner runner(String... arguments) {
            return ProcessRunner.of(
                            host.entering(Stream.concat(Stream.of("ctr", "--namespace", group), Stream.of(arguments))
                                    .toList()))
                    .withLimit(LIMIT);
        }

        @Override
        public void start(String container) {
            // In the foreground: detached, ctr leaves the network behind when the container goes.
            List<String> command = new ArrayList<>(List.of(
                    "ctr",
                    "--namespace",
                    group,
                    "run",
                    "--cni",
                    "--rm",
                    "--snapshotter",
                    "native",
                    ContainerImage.NAME,
                    container));
            command.addAll(ContainerImage.COMMAND);
            Path log = home.resolve(container + ".log");
            Process process = host.startInBackground(log, command.toArray(String[]::new));
            containers.put(container, process);
            Await.until(LIMIT, () -> "container " + container + " does not run: " + read(log), () -> {
                if (!process.isAlive()) {
                    throw new CommandFailedException("container " + container + " has ended: " + read(log));
                }
                return runner("tasks", "ls")
                        .run()
                        .stdout()
                        .lines()
                        .anyMatch(line -> line.startsWith(container + " ") && line.contains("RUNNING"));
            });
        }

        @Override
        public String exec(String container, String... command) {
            List<String> arguments =
                    new ArrayList<>(List.of("tasks", "exec", "--exec-id", "exec" + ++execs, container));
            arguments.addAll(List.of(command));
            return runner(arguments.toArray(String[]::new)).run().orThrow().stdout();
        }

        @Override
        public void remove(String container) {
            runner("tasks", "kill", "--signal", "SIGKILL", container).run().orThrow();
            Process process = Objects.requireNonNull(containers.remove(container), container);
            Await.until(LIMIT, () -> "ctr run of " + container + " does not end", () -> !process.isAlive());
            String log = read(home.resolve(container + ".log"));
            if (log.contains("level=error") || log.contains("failed")) {
                throw new CommandFailedException("ctr run of " + container + ": " + log);
            }
        }

        @Override
        public void close() {
            host.close();
            removeGroups(group);
        }
    }

    /** podman with {@code network_backend = "cni"}, by the name of the network. */
    final class Podman implements ContainerRuntime {
        private final RuntimeHost host;
        private final String network;
        private final String group;
        private final Path home;

        /** Imports the image into a storage in {@code home}. */
        public Podman(RuntimeHost host, Path home, String network) {
            this.host = host;
            this.home = home;
            this.network = network;
            this.group = RunOwner.uniqueName();
            write(home.resolve("containers.conf"), """
                    [engine]
                    cgroup_manager = "cgroupfs"
                    events_logger = "file"
                    [network]
                    network_backend = "cni"
                    network_config_dir = "/etc/cni/net.d"
                    cni_plugin_dirs = ["/opt/cni/bin"]
                    """);
            runner(
                            "load",
                            "-i",
                            ContainerImage.write(directory(home.resolve("image")))
                                    .toString())
                    .run()
                    .orThrow();
        }

        private ProcessRunner runner(String... arguments) {
            List<String> command = Stream.concat(
                            Stream.of(
                                    "podman",
                                    "--root=" + home.resolve("root"),
                                    "--runroot=/run/podman",
                                    "--storage-driver=vfs",
                                    "--cgroup-manager=cgroupfs"),
                            Stream.of(arguments))
                    .toList();
            return ProcessRunner.of(host.entering(command))
                    .withEnvironment(Map.of(
                            "CONTAINERS_CONF", home.resolve("containers.conf").toString()))
                    .withLimit(LIMIT);
        }

        @Override
        public void start(String container) {
            List<String> arguments = new ArrayList<>(List.of(
                    "run",
                    "--detach",
                    "--network",
                    network,
                    "--name",
                    container,
                    "--cgroup-parent",
                    "/" + group,
                    ContainerImage.NAME));
            arguments.addAll(ContainerImage.COMMAND);
            runner(arguments.toArray(String[]::new)).run().orThrow();
        }

        @Override
        public String exec(String container, String... command) {
            List<String> arguments = new ArrayList<>(List.of("exec", container));
            arguments.addAll(List.of(command));
            return runner(arguments.toArray(String[]::new)).run().orThrow().stdout();
        }

        @Override
        public void remove(String container) {
            ProcessResult result =
                    runner("rm", "--force", "--time", "0", container).run().orThrow();
            if (result.stderr().contains("level=error")) {
                throw new CommandFailedException("podman rm of " + container + ": " + result.stderr());
            }
        }

        @Override
        public void close() {
            host.close();
            removeGroups(group);
        }
    }

    private static void removeGroups(String group) {
        StaleResources.controlGroups(group).forEach(StaleResources::removeControlGroup);
    }

    private static Path directory(Path path) {
        try {
            return Files.createDirectories(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path file, String text) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
