package dev.ikat.testbed.host;

import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A network namespace under a unique name, with its loopback interface up. When the first one is created, what an
 * earlier killed run left behind is removed.
 *
 * <p>Needs root ({@link RequiresRoot}) and the {@code ip} and {@code nsenter} programs.
 */
public final class TestNamespace implements AutoCloseable {
    /** Where ip(8) has the names of network namespaces. */
    static final Path DIRECTORY = Path.of("/run/netns");

    /** What nsenter(1) is told a network namespace by. */
    static final String ENTERED = "--net=";

    private static final AtomicBoolean SWEPT = new AtomicBoolean();

    private final String name;
    private final AtomicBoolean closed = new AtomicBoolean();

    private TestNamespace(String name) {
        this.name = name;
    }

    /** Creates a namespace. */
    public static TestNamespace create() {
        return named(name -> {
            try {
                Files.createDirectories(DIRECTORY);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Posix.addNamespace(DIRECTORY, name);
        });
    }

    /** Gives a process's namespace a name; it exists as long as the name or the process. */
    public static TestNamespace of(ProcessHandle process) {
        return named(name -> ProcessRunner.output("ip", "netns", "attach", name, Long.toString(process.pid())));
    }

    private static TestNamespace named(Consumer<String> maker) {
        if (SWEPT.compareAndSet(false, true)) {
            StaleResources.sweep();
        }
        return Teardown.make(() -> {
            String name = RunOwner.uniqueName();
            maker.accept(name);
            return new TestNamespace(name);
        });
    }

    /** The name under /run/netns. */
    public String name() {
        return name;
    }

    /** The file of the namespace, for CNI_NETNS. */
    public Path path() {
        return DIRECTORY.resolve(name);
    }

    /** The command that runs {@code command} inside: only the network differs, files and processes are the same. */
    public List<String> entering(List<String> command) {
        List<String> entering = new ArrayList<>(List.of("nsenter", ENTERED + path()));
        entering.addAll(command);
        return entering;
    }

    /** A runner of the command inside. */
    public ProcessRunner runner(String... command) {
        return ProcessRunner.of(entering(List.of(command)));
    }

    /**
     * Runs a command inside and returns its output.
     *
     * @throws CommandFailedException if its exit code is not 0
     */
    public String exec(String... command) {
        return runner(command).run().orThrow().stdout();
    }

    /**
     * Runs {@code ip} inside.
     *
     * @throws CommandFailedException if it fails
     */
    public String ip(String... arguments) {
        return ip(Stream.of("-n", name), arguments).run().orThrow().stdout();
    }

    /**
     * Runs one {@code ip} inside for several commands, with blanks between their arguments, in order up to the first
     * that fails: a process for each would take most of the time of a test on a slow machine.
     *
     * @throws CommandFailedException if one fails
     */
    public void ipEach(List<String> commands) {
        ip(Stream.of("-n", name), "-batch", "-")
                .withInput(String.join("\n", commands) + "\n")
                .run()
                .orThrow();
    }

    /**
     * Runs {@code ip -json -details} inside: {@code ipJson("route", "show", "table", "main")}.
     *
     * @throws CommandFailedException if it fails
     */
    public Json ipJson(String... arguments) {
        String text = ip(Stream.of("-json", "-details", "-n", name), arguments)
                .run()
                .orThrow()
                .stdout()
                .strip();
        return text.isEmpty() ? new Json.Arr(List.of()) : Json.parse(text);
    }

    private static ProcessRunner ip(Stream<String> options, String... arguments) {
        return ProcessRunner.of(Stream.concat(Stream.concat(Stream.of("ip"), options), Stream.of(arguments))
                .toList());
    }

    /** The names of all links, loopback included. */
    public List<String> linkNames() {
        return ipJson("link", "show").stream()
                .map(link -> link.get("ifname").text())
                .toList();
    }

    /** Sets a sysctl inside, by its name with dots: {@code net.ipv4.ip_forward}. */
    public void sysctl(String key, String value) {
        exec("sysctl", "-qw", key + "=" + value);
    }

    /** Removes the name, and with the last process inside the namespace itself. Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            Teardown.forget(this);
            BpfPins.remove(path());
            // A test may have removed it already, as a runtime does before DEL.
            Posix.deleteNamespace(path());
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
