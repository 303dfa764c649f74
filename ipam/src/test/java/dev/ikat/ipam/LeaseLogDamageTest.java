package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.NetworkName;
import dev.ikat.testbed.host.TestDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Cuts the log off at every byte, and damages every byte of it: what the other records say must hold. */
final class LeaseLogDamageTest {
    private static final NetworkName NETWORK = new NetworkName("pods");
    private static final AddressPlan PLAN = AddressPlan.of(Cidr.parse("10.1.0.0/29"), Cidr.parse("fd00:1::/64"));

    private TestDirectory directory;
    private Path leases;
    private byte[] log;
    private List<byte[]> lines;

    @BeforeEach
    void writeLog() throws IOException {
        directory = TestDirectory.create();
        leases = directory.path().resolve("leases");
        try (LeaseStore store = open()) {
            for (int i = 1; i <= 4; i++) {
                store.allocate(pod(i), NETWORK, Optional.empty(), PLAN, List.of());
            }
            store.activate(pod(1));
            store.activate(pod(2));
            store.free(pod(3));
            store.beginRelease(pod(2));
            store.free(pod(2));
            store.allocate(pod(5), NETWORK, Optional.empty(), PLAN, List.of());
        }
        log = Files.readAllBytes(leases.resolve("leases.log"));
        lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < log.length; i++) {
            if (log[i] == '\n') {
                lines.add(Arrays.copyOfRange(log, start, i + 1));
                start = i + 1;
            }
        }
        assertThat(lines).hasSize(11);
    }

    @AfterEach
    void close() {
        directory.close();
    }

    private static Attachment pod(int number) {
        return new Attachment(new ContainerId("pod-" + number), new InterfaceName("eth0"));
    }

    private LeaseStore open() {
        return LeaseStore.open(leases, Clock.systemUTC());
    }

    private static List<Lease> replay(List<byte[]> records) {
        LeaseTable table = new LeaseTable(100);
        for (byte[] line : records) {
            table.apply(LeaseRecord.parse(line, 0, line.length - 1));
        }
        return table.leases();
    }

    /** Opens the store on these bytes, and checks its leases, also after it and another one have written. */
    private void assertHolds(byte[] bytes, List<Lease> expected, String what) throws IOException {
        Files.write(leases.resolve("leases.log"), bytes);
        try (LeaseStore store = open();
                LeaseStore other = open()) {
            assertThat(store.leases()).as(what).isEqualTo(expected);
            Lease next = store.allocate(pod(6), NETWORK, Optional.empty(), PLAN, List.of());
            List<Lease> after = new ArrayList<>(expected);
            after.add(next);
            assertThat(other.leases()).as(what).isEqualTo(after);
            assertThat(after.stream().flatMap(lease -> lease.addresses().stream()))
                    .as(what)
                    .doesNotHaveDuplicates();
        }
        try (LeaseStore store = open()) {
            assertThat(store.leases()).as(what).hasSize(expected.size() + 1);
        }
    }

    @Test
    void logCutOffAnywhereKeepsEveryWholeRecord() throws IOException {
        for (int length = 0; length <= log.length; length++) {
            List<byte[]> whole = new ArrayList<>();
            int end = 0;
            for (byte[] line : lines) {
                end += line.length;
                if (end <= length) {
                    whole.add(line);
                }
            }

            assertHolds(Arrays.copyOf(log, length), replay(whole), "cut off at byte " + length);
        }
    }

    @Test
    void damagedByteTakesNoRecordWithItButItsOwn() throws IOException {
        for (int at = 0; at < log.length; at++) {
            for (int damage : new int[] {log[at] ^ 0x01, log[at] ^ 0x80, '\n', 0}) {
                byte[] bytes = log.clone();
                bytes[at] = (byte) damage;
                if (bytes[at] == log[at]) {
                    continue;
                }
                assertHolds(
                        bytes,
                        replay(without(at)),
                        "byte %d is 0x%02x instead of 0x%02x".formatted(at, bytes[at], log[at]));
            }
        }
    }

    /** The records that damage at this byte leaves: a lost line feed joins two, and neither can be told. */
    private List<byte[]> without(int at) {
        List<byte[]> rest = new ArrayList<>();
        int start = 0;
        for (byte[] line : lines) {
            boolean hit = at >= start && at < start + line.length;
            boolean joined = start > 0 && at == start - 1;
            if (!hit && !joined) {
                rest.add(line);
            }
            start += line.length;
        }
        return rest;
    }

    @Test
    void damagedRecordsAreCounted() throws IOException {
        log[lines.getFirst().length + 20] ^= 1;
        Files.write(leases.resolve("leases.log"), log);

        try (LeaseStore store = open()) {
            assertThat(store.damage().damaged()).isEqualTo(1);
        }
    }
}
