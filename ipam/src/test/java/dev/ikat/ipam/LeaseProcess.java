package dev.ikat.ipam;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A process of its own that leases and frees, for the tests that need more than one, or one to kill. It says on its
 * output what it is about to do and what it has done: {@code a <pod>}, {@code A <pod> <address>...}, {@code f <pod>},
 * {@code F <pod>}.
 */
final class LeaseProcess {
    static final NetworkName NETWORK = new NetworkName("pods");
    static final AddressPlan PLAN = AddressPlan.of(Cidr.parse("10.1.0.0/25"), Cidr.parse("fd00:1::/64"));

    private LeaseProcess() {}

    static LeaseStore open(Path leases) {
        return LeaseStore.open(leases, Clock.systemUTC(), 100, 4000);
    }

    static Process start(Path directory, String name, int rounds) throws IOException {
        return new ProcessBuilder(
                        Path.of(Objects.requireNonNull(System.getProperty("java.home")), "bin", "java")
                                .toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xmx64m",
                        "-cp",
                        Objects.requireNonNull(System.getProperty("java.class.path")),
                        LeaseProcess.class.getName(),
                        directory.toString(),
                        name,
                        Integer.toString(rounds))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    static Attachment pod(String name) {
        return new Attachment(new ContainerId(name), new InterfaceName("eth0"));
    }

    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        String name = arguments[1];
        int rounds = Integer.parseInt(arguments[2]);
        Deque<Lease> held = new ArrayDeque<>();
        try (LeaseStore store = open(directory.resolve("leases"));
                FileOutputStream out = new FileOutputStream(FileDescriptor.out)) {
            for (int i = 0; i < rounds; i++) {
                String pod = name + "-" + i;
                say(out, "a " + pod);
                Lease lease = store.allocate(pod(pod), NETWORK, Optional.empty(), PLAN, List.of());
                for (IpAddress address : lease.addresses()) {
                    // Fails if any other process has this address now.
                    Files.createFile(directory.resolve("held-" + address));
                }
                held.add(lease);
                List<String> addresses = new ArrayList<>();
                lease.addresses().forEach(address -> addresses.add(address.toString()));
                say(out, "A " + pod + " " + String.join(" ", addresses));
                if (i % 3 == 0) {
                    store.activate(lease.attachment());
                }
                if (held.size() > 20) {
                    free(store, out, directory, held.removeFirst());
                }
            }
        }
    }

    private static void free(LeaseStore store, FileOutputStream out, Path directory, Lease lease) throws IOException {
        String pod = lease.attachment().containerId().value();
        say(out, "f " + pod);
        for (IpAddress address : lease.addresses()) {
            Files.delete(directory.resolve("held-" + address));
        }
        store.free(lease.attachment());
        say(out, "F " + pod);
    }

    private static void say(FileOutputStream out, String line) throws IOException {
        out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
