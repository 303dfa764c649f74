package dev.ikat.testbed.traffic;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.RunOwner;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Real connections between namespaces, made by the static program {@code ikat-probe} that this module's build compiles:
 * bytes are sent, echoed by the other side, and compared. One process tries any number of targets at once.
 */
public final class Probe {
    /** How long a server may keep one waiting for an answer, or for more of it. An agent's first one is slow. */
    private static final Duration ANSWER = Duration.ofSeconds(15);

    /** The default number of bytes: fits every MTU. */
    public static final int SMALL = 56;

    /** More than one full packet of every MTU up to 9000: detects a path that loses only large packets. */
    public static final int LARGE = 20_000;

    private Probe() {}

    /** The protocol that carries the bytes. */
    public enum Protocol {
        /** Connects, sends, and reads the same bytes back. */
        TCP,
        /** Sends a datagram, again every 200 ms, until it comes back. */
        UDP,
        /**
         * Requests an association, again every 200 ms, until it is granted: INIT and INIT ACK by raw sockets, because a
         * kernel may have no SCTP. No bytes are echoed.
         */
        SCTP,
        /** An echo request, ICMP or ICMPv6 by the address, again every 200 ms. */
        ICMP
    }

    /**
     * One attempt.
     *
     * @param from the namespace that sends
     * @param protocol the protocol
     * @param to the destination
     * @param port the port; 0 for ICMP
     * @param bytes how many bytes are echoed, 1 to 60,000
     */
    public record Target(TestNamespace from, Protocol protocol, IpAddress to, int port, int bytes) {
        /** A TCP connection with {@link Probe#SMALL} bytes. */
        public static Target tcp(TestNamespace from, IpAddress to, int port) {
            return new Target(from, Protocol.TCP, to, port, SMALL);
        }

        /** A UDP datagram with {@link Probe#SMALL} bytes. */
        public static Target udp(TestNamespace from, IpAddress to, int port) {
            return new Target(from, Protocol.UDP, to, port, SMALL);
        }

        /** The beginning of an SCTP association. */
        public static Target sctp(TestNamespace from, IpAddress to, int port) {
            return new Target(from, Protocol.SCTP, to, port, SMALL);
        }

        /** An echo request with {@link Probe#SMALL} bytes. */
        public static Target icmp(TestNamespace from, IpAddress to) {
            return new Target(from, Protocol.ICMP, to, 0, SMALL);
        }

        /** The same with another number of bytes. */
        public Target withBytes(int count) {
            return new Target(from, protocol, to, port, count);
        }

        @Override
        public String toString() {
            return "%s %s -> %s%s, %d bytes".formatted(protocol, from, to, port == 0 ? "" : " port " + port, bytes);
        }
    }

    /**
     * The result of an attempt.
     *
     * @param target the attempt
     * @param failure why it failed; empty if every byte came back
     * @param elapsed from creating the socket until the last byte was back or the attempt was given up
     */
    public record Outcome(Target target, Optional<String> failure, Duration elapsed) {
        /** Whether every byte came back. */
        public boolean reached() {
            return failure.isEmpty();
        }

        @Override
        public String toString() {
            return target + ": " + failure.orElse("reached");
        }
    }

    /** Tries all targets at once, each for at most {@code limit}; outcomes in the order of the targets. */
    public static List<Outcome> check(List<Target> targets, Duration limit) {
        return check(targets, _ -> true, limit, Duration.ZERO);
    }

    /**
     * The same, but without waiting where no answer is expected: when every expected answer has arrived, others get
     * {@code settle} to arrive. Packets that pass unexpectedly have been under way as long as the others by then.
     */
    public static List<Outcome> check(
            List<Target> targets, Predicate<Target> expected, Duration usualLimit, Duration settle) {
        Duration limit = Await.onThisMachine(usualLimit);
        StringBuilder input = new StringBuilder();
        for (int i = 0; i < targets.size(); i++) {
            Target target = targets.get(i);
            input.append("%d %s %s %s %d %d%s%n"
                    .formatted(
                            i,
                            target.from.path(),
                            target.protocol.name().toLowerCase(java.util.Locale.ROOT),
                            target.to,
                            target.port,
                            target.bytes,
                            expected.test(target) ? "" : " no"));
        }
        List<String> lines = ProcessRunner.of(
                        program().toString(),
                        "check",
                        "-t",
                        Long.toString(limit.toMillis()),
                        "-s",
                        Long.toString(Await.onThisMachine(settle).toMillis()))
                .withInput(input.toString())
                .withLimit(limit.plusSeconds(20))
                .run()
                .orThrow()
                .stdout()
                .lines()
                .toList();
        return IntStream.range(0, targets.size())
                .mapToObj(i -> outcome(targets.get(i), lines.get(i), limit))
                .toList();
    }

    /** Tries all targets at once and returns those that were not reached within {@code limit}. */
    public static List<Outcome> failures(List<Target> targets, Duration limit) {
        return check(targets, limit).stream()
                .filter(outcome -> !outcome.reached())
                .toList();
    }

    private static Outcome outcome(Target target, String line, Duration limit) {
        String[] fields = line.split(" ", 3);
        return fields[1].equals("ok")
                ? new Outcome(target, Optional.empty(), Duration.ofNanos(1000 * Long.parseLong(fields[2])))
                : new Outcome(target, Optional.of(fields[2]), limit);
    }

    /** An echo server inside a namespace; it ends with {@link #close()}, and with this process however that ends. */
    public static final class Server implements AutoCloseable {
        private final Process process;
        private final boolean forever;

        private Server(Process process, boolean forever) {
            this.process = process;
            this.forever = forever;
        }

        @Override
        public void close() {
            try {
                process.getOutputStream().close();
                if (forever || !process.waitFor(2, java.util.concurrent.TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (IOException e) {
                process.destroyForcibly();
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Serves an echo on TCP and UDP, IPv4 and IPv6, and returns once it listens; it answers SCTP's INIT, too.
     *
     * @throws CommandFailedException if a port is taken
     */
    public static Server serve(TestNamespace namespace, int... ports) {
        return serve(namespace, false, ports);
    }

    public static Server serve(TestNamespace namespace, boolean forever, int... ports) {
        List<String> command = new ArrayList<>(List.of("setsid", program().toString(), "serve"));
        if (forever) {
            command.add("-k");
        }
        IntStream.of(ports).forEach(port -> command.add(Integer.toString(port)));
        Process process = ProcessRunner.of(namespace.entering(command)).startConversation();
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            if (!"ready".equals(reader.readLine())) {
                throw new CommandFailedException("no echo server on ports %s of %s: see standard error"
                        .formatted(java.util.Arrays.toString(ports), namespace));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Server(process, forever);
    }

    /**
     * Packets of one kind that have arrived.
     *
     * @param protocol the protocol's number (IANA, Assigned Internet Protocol Numbers)
     * @param port the receiving port, 0 for a protocol without ports; empty if headers hide it or are cut off
     * @param count how many
     * @param first the first bytes of the first one, in hexadecimal digits
     */
    public record Arrival(
            IpAddress source, IpAddress destination, int protocol, OptionalInt port, long count, String first) {
        static Arrival parse(String line) {
            String[] words = line.split(" ", -1);
            return new Arrival(
                    IpAddress.parse(words[0]),
                    IpAddress.parse(words[1]),
                    Integer.parseInt(words[2]),
                    words[3].equals("-") ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(words[3])),
                    Long.parseLong(words[4]),
                    words[5]);
        }
    }

    /**
     * Sends malformed packets from one pod to another, many of them to the port, and returns what arrived there.
     *
     * @param count how many packets
     */
    public static List<Arrival> fuzz(
            long seed,
            int count,
            TestNamespace from,
            List<IpAddress> own,
            TestNamespace to,
            List<IpAddress> its,
            int port) {
        return ProcessRunner.of(
                        program().toString(),
                        "fuzz",
                        Long.toUnsignedString(seed),
                        Integer.toString(count),
                        from.path().toString(),
                        own.getFirst().toString(),
                        own.getLast().toString(),
                        to.path().toString(),
                        its.getFirst().toString(),
                        its.getLast().toString(),
                        Integer.toString(port))
                .run()
                .orThrow()
                .stdout()
                .lines()
                .map(Arrival::parse)
                .toList();
    }

    /**
     * Sends IP packets unchanged, one right after the other, from one pod's eth0 to the node.
     *
     * @param packets whose last eight bytes identify them
     * @return for each whether it arrives at the other pod's eth0
     */
    public static List<Boolean> inject(TestNamespace from, TestNamespace to, List<byte[]> packets) {
        List<String> command = new ArrayList<>(List.of(
                program().toString(),
                "inject",
                from.path().toString(),
                to.path().toString()));
        packets.forEach(packet -> command.add(HexFormat.of().formatHex(packet)));
        return ProcessRunner.of(command.toArray(String[]::new))
                .run()
                .orThrow()
                .stdout()
                .lines()
                .map("yes"::equals)
                .toList();
    }

    /**
     * Gets a path over HTTP from 127.0.0.1 inside a namespace, and returns the body.
     *
     * @throws CommandFailedException if nobody listens, or the status is not 200; the message holds the answer
     */
    public static String httpGet(TestNamespace namespace, int port, String path) {
        String seconds = Long.toString(Await.onThisMachine(ANSWER).toSeconds());
        String answer = namespace.exec(program().toString(), "get", "127.0.0.1", Integer.toString(port), path, seconds);
        if (!answer.startsWith("HTTP/1.1 200") && !answer.startsWith("HTTP/1.0 200")) {
            throw new CommandFailedException("GET %s of port %d in %s: %s".formatted(path, port, namespace, answer));
        }
        return answer.substring(answer.indexOf("\r\n\r\n") + 4);
    }

    /** The program's file, which is written from the class path once in each process and deleted at its end. */
    public static Path program() {
        return Extracted.PROGRAM;
    }

    private static final class Extracted {
        static final Path PROGRAM = extract();

        private static Path extract() {
            try (InputStream resource = Objects.requireNonNull(
                    Probe.class.getResourceAsStream("ikat-probe"),
                    "ikat-probe is not on the class path: build testbed with Maven, which calls gcc")) {
                // Not in TestDirectory: a file system in memory may be mounted without leave to execute.
                Path directory = Files.createDirectory(TestDirectory.onDisk().resolve(RunOwner.uniqueName()));
                Path file = directory.resolve("ikat-probe");
                Files.copy(resource, file);
                Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
                Stream.of(directory, file).forEach(path -> path.toFile().deleteOnExit());
                return file;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
