package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.random.Generator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Real processes: two that contend for the same addresses, and one after another that is killed at work. */
final class LeaseProcessesTest {
    private TestDirectory directory;

    @BeforeEach
    void create() {
        directory = TestDirectory.create();
    }

    @AfterEach
    void close() {
        directory.close();
    }

    @Test
    void contendingProcessesNeverHoldTheSameAddress() throws Exception {
        List<Process> processes = new ArrayList<>();
        for (String name : List.of("one", "two")) {
            processes.add(LeaseProcess.start(directory.path(), name, 1500));
        }
        try {
            TreeSet<String> held = new TreeSet<>();
            List<Thread> readers = new ArrayList<>();
            for (Process process : processes) {
                readers.add(Thread.ofVirtual().start(() -> {
                    Map<String, String> said = lastWords(process);
                    synchronized (held) {
                        said.forEach((pod, word) -> {
                            if (word.startsWith("A ")) {
                                held.add(word.substring(2));
                            }
                        });
                    }
                }));
            }
            for (Thread reader : readers) {
                reader.join();
            }
            for (Process process : processes) {
                assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).isZero();
            }

            try (LeaseStore store = LeaseProcess.open(directory.path().resolve("leases"))) {
                assertThat(store.leases().stream().map(LeaseProcessesTest::words))
                        .hasSize(40)
                        .containsExactlyInAnyOrderElementsOf(held);
                assertThat(store.damage().damaged()).isZero();
            }
        } finally {
            processes.forEach(Process::destroyForcibly);
        }
    }

    @Test
    void processKilledAtAnyMomentLosesNothingThatItWasTold() throws Exception {
        Generator random = new Generator(System.nanoTime());
        for (int round = 0; round < 12; round++) {
            Process process = LeaseProcess.start(directory.path(), "round-" + round, Integer.MAX_VALUE);
            Map<String, String> said = new HashMap<>();
            try {
                Thread reader = Thread.ofVirtual().start(() -> said.putAll(lastWords(process)));
                Path last = directory.path().resolve("held-10.1.0.20");
                Await.until(
                        Duration.ofMinutes(1),
                        () -> "it holds the last address, and has said " + said,
                        () -> Files.exists(last) || !process.isAlive());
                Thread.sleep(random.between(0, 150));
                // By its handle: Process.destroyForcibly closes the pipe, with what is still in it.
                assertThat(process.toHandle().destroyForcibly()).isTrue();
                reader.join();
            } finally {
                process.destroyForcibly().waitFor();
            }
            assertThat(said).as("it was at work").isNotEmpty();

            try (LeaseStore store = LeaseProcess.open(directory.path().resolve("leases"))) {
                check(store, said);
                assertThat(store.damage().damaged()).isZero();
                store.leases().forEach(lease -> store.free(lease.attachment()));
            }
            clearMarks();
        }
    }

    private static void check(LeaseStore store, Map<String, String> said) {
        Map<String, Lease> leases = store.leases().stream()
                .collect(Collectors.toMap(
                        lease -> lease.attachment().containerId().value(), lease -> lease));
        assertThat(leases.values().stream().flatMap(lease -> lease.addresses().stream()))
                .doesNotHaveDuplicates();
        said.forEach((pod, word) -> {
            Optional<String> lease = Optional.ofNullable(leases.get(pod)).map(LeaseProcessesTest::words);
            switch (word.charAt(0)) {
                case 'A' -> assertThat(lease).as(word).contains(word.substring(2));
                case 'F' -> assertThat(lease).as(word).isEmpty();
                default ->
                    assertThat(word)
                            .as("either is right while it was being done")
                            .matches("[af] .*");
            }
        });
        assertThat(said.keySet()).containsAll(leases.keySet());
    }

    private void clearMarks() throws IOException {
        try (var files = Files.list(directory.path())) {
            for (Path file : files.toList()) {
                if (file.getFileName().toString().startsWith("held-")) {
                    Files.delete(file);
                }
            }
        }
    }

    private static String words(Lease lease) {
        return lease.attachment().containerId() + " "
                + lease.addresses().stream().map(Object::toString).collect(Collectors.joining(" "));
    }

    /** The last whole line that the process said about each pod. */
    private static Map<String, String> lastWords(Process process) {
        Map<String, String> words = new HashMap<>();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            StringBuilder line = new StringBuilder();
            for (int c = reader.read(); c >= 0; c = reader.read()) {
                if (c == '\n') {
                    words.put(line.toString().split(" ", -1)[1], line.toString());
                    line.setLength(0);
                } else {
                    line.append((char) c);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return words;
    }
}
