package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.NetworkName;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Leases on a file system that is full. */
@RequiresRoot
final class FullDiskTest {
    private static final NetworkName NETWORK = new NetworkName("pods");
    private static final AddressPlan PLAN = AddressPlan.of(Cidr.parse("10.1.0.0/24"));

    private final TestDirectory directory = TestDirectory.create();
    private final Path disk = directory.smallDisk("disk", 512);
    private final Path ballast = disk.resolve("ballast");
    private LeaseStore store;

    @BeforeEach
    void leaseTwo() {
        store = LeaseStore.open(disk.resolve("leases"), Clock.systemUTC());
        for (int i = 1; i <= 2; i++) {
            allocate(i);
            store.activate(pod(i));
        }
    }

    @AfterEach
    void close() {
        store.close();
        directory.close();
    }

    private static Attachment pod(int number) {
        return new Attachment(new ContainerId("pod-" + number), new InterfaceName("eth0"));
    }

    private Lease allocate(int number) {
        return store.allocate(pod(number), NETWORK, Optional.empty(), PLAN, List.of());
    }

    /** Fills the disk, and the last page of the log with it. */
    private void fill() throws IOException {
        for (int i = 10; Files.size(disk.resolve("leases/leases.log")) % 4096 < 3900; i++) {
            allocate(i);
        }
        byte[] page = new byte[4096];
        try {
            while (true) {
                Files.write(ballast, page, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            }
        } catch (IOException full) {
            assertThat(full).hasMessageContaining("No space left");
        }
    }

    @Test
    void leaseEndsWhereItsEndCannotBeWritten() throws IOException {
        fill();
        int before = store.leases().size();

        assertThat(store.beginRelease(pod(1))).isPresent();
        assertThat(store.free(pod(1))).isTrue();
        assertThat(store.free(pod(2))).isTrue();

        assertThat(store.leases()).hasSize(before - 2);
        assertThat(store.find(pod(1))).isEmpty();
    }

    @Test
    void newLeaseIsRefusedWithWhatToDoAndNothingIsHalfWritten() throws IOException {
        fill();
        store.free(pod(1));
        store.free(pod(2));

        assertThatThrownBy(() -> {
                    for (int i = 100; i < 104; i++) {
                        allocate(i);
                    }
                })
                .isInstanceOf(LeaseStoreException.class)
                .hasMessageContaining("No space left on device; free space");
        assertThatThrownBy(() -> store.requireWritable())
                .isInstanceOf(LeaseStoreException.class)
                .hasMessageContaining("No space left on device; free space");
        try (LeaseStore other = LeaseStore.open(disk.resolve("leases"), Clock.systemUTC())) {
            assertThat(other.damage().damaged()).isZero();
        }
    }

    @Test
    void whatCouldNotBeWrittenIsWrittenOnceThereIsRoom() throws IOException {
        fill();
        store.free(pod(1));
        store.free(pod(2));
        Files.delete(ballast);

        store.requireWritable();

        try (LeaseStore other = LeaseStore.open(disk.resolve("leases"), Clock.systemUTC())) {
            assertThat(other.leases()).isEqualTo(store.leases());
            assertThat(other.find(pod(1))).isEmpty();
            assertThat(other.find(pod(2))).isEmpty();
        }
    }
}
