package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import dev.ikat.testbed.host.TestDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class LeaseStoreTest {
    private static final NetworkName NETWORK = new NetworkName("pods");
    private static final Clock NOON = Clock.fixed(Instant.parse("2026-06-01T12:00:00Z"), ZoneOffset.UTC);
    private static final AddressPlan FOUR = AddressPlan.of(Cidr.parse("10.1.0.0/30"), Cidr.parse("10.1.1.0/31"));
    private static final AddressPlan DUAL = AddressPlan.of(Cidr.parse("10.1.0.0/24"), Cidr.parse("fd00:1::/64"));

    private TestDirectory directory;
    private Path leases;
    private LeaseStore store;

    @BeforeEach
    void open() {
        directory = TestDirectory.create();
        leases = directory.path().resolve("leases");
        store = LeaseStore.open(leases, NOON);
    }

    @AfterEach
    void close() {
        store.close();
        directory.close();
    }

    private static Attachment pod(int number) {
        return new Attachment(new ContainerId("pod-" + number), new InterfaceName("eth0"));
    }

    private Lease allocate(int pod, AddressPlan plan, String... requested) {
        List<IpAddress> wishes = new ArrayList<>();
        for (String wish : requested) {
            wishes.add(IpAddress.parse(wish));
        }
        return store.allocate(pod(pod), NETWORK, Optional.empty(), plan, wishes);
    }

    private static List<IpAddress> addresses(String... texts) {
        return List.of(texts).stream().map(IpAddress::parse).toList();
    }

    @Test
    void leaseHasOneAddressOfEachFamilyAndSaysWhoseItIs() {
        Lease lease = allocate(1, DUAL);

        assertThat(lease)
                .isEqualTo(new Lease(
                        pod(1),
                        NETWORK,
                        Optional.empty(),
                        addresses("10.1.0.1", "fd00:1::1"),
                        LeaseState.PENDING,
                        NOON.instant(),
                        ProcessHandle.current().pid()));
        assertThat(store.find(pod(1))).contains(lease);
        assertThat(store.leases()).containsExactly(lease);
    }

    @Test
    void allocateTwiceForSameAttachmentReturnsSameLease() {
        Lease pending = allocate(1, DUAL);
        assertThat(allocate(1, DUAL)).isEqualTo(pending);

        Lease active = store.activate(pod(1));
        assertThat(allocate(1, DUAL)).isEqualTo(active);
        assertThat(active.state()).isEqualTo(LeaseState.ACTIVE);
        assertThat(active.addresses()).isEqualTo(pending.addresses());
    }

    @Test
    void attachmentOfAnotherNetworkIsRefused() {
        allocate(1, DUAL);

        assertThatThrownBy(() -> store.allocate(pod(1), new NetworkName("storage"), Optional.empty(), DUAL, List.of()))
                .isInstanceOf(AttachmentTakenException.class)
                .hasMessageContaining("pod-1/eth0 belongs to network pods");
    }

    @Test
    void otherNetworkWithTheSameRangeGetsOtherAddresses() {
        Lease first = allocate(1, DUAL);
        Lease second = store.allocate(pod(2), new NetworkName("storage"), Optional.empty(), DUAL, List.of());

        assertThat(second.addresses()).doesNotContainAnyElementsOf(first.addresses());
    }

    @Test
    void releasingLeaseKeepsItsAddressAndIsBusyUntilFreed() {
        allocate(1, FOUR);
        store.activate(pod(1));
        Lease releasing = store.beginRelease(pod(1)).orElseThrow();

        assertThat(releasing.state()).isEqualTo(LeaseState.RELEASING);
        assertThat(store.beginRelease(pod(1))).contains(releasing);
        assertThatThrownBy(() -> allocate(1, FOUR)).isInstanceOf(LeaseBusyException.class);
        assertThatThrownBy(() -> store.activate(pod(1))).isInstanceOf(LeaseBusyException.class);
        assertThat(allocate(2, FOUR).addresses()).isEqualTo(addresses("10.1.0.2"));

        assertThat(store.free(pod(1))).isTrue();
        assertThat(store.free(pod(1))).isFalse();
        assertThat(store.beginRelease(pod(1))).isEmpty();
        assertThat(store.find(pod(1))).isEmpty();
    }

    @Test
    void activatingAFreedLeaseSaysThatItIsGone() {
        assertThatThrownBy(() -> store.activate(pod(1)))
                .isInstanceOf(LeaseGoneException.class)
                .hasMessageContaining("pod-1/eth0");
    }

    @Test
    void freeIfUnchangedLeavesALeaseThatChangedMeanwhile() {
        Lease pending = allocate(1, FOUR);
        Lease active = store.activate(pod(1));

        assertThat(store.freeIfUnchanged(pending)).isFalse();
        assertThat(store.find(pod(1))).contains(active);
        assertThat(store.freeIfUnchanged(active)).isTrue();
        assertThat(store.leases()).isEmpty();
    }

    @Test
    void neverUsedAddressesComeFirstThenTheLongestFree() {
        allocate(1, FOUR);
        allocate(2, FOUR);
        allocate(3, FOUR);
        store.free(pod(2));
        store.free(pod(1));

        assertThat(allocate(4, FOUR).addresses()).isEqualTo(addresses("10.1.1.1"));
        assertThat(allocate(5, FOUR).addresses()).isEqualTo(addresses("10.1.0.2"));
        assertThat(allocate(6, FOUR).addresses()).isEqualTo(addresses("10.1.0.1"));
    }

    @Test
    void exhaustionCountsEveryRangeAndEndsWithTheFirstFreedAddress() {
        for (int i = 1; i <= 4; i++) {
            allocate(i, FOUR);
        }

        assertThatThrownBy(() -> allocate(5, FOUR))
                .isInstanceOf(AddressExhaustedException.class)
                .hasMessageContaining(
                        "network pods has no free IPv4 address: 10.1.0.0/30: 2 of 2 leased, 10.1.1.0/31: 2 of 2 leased");
        store.free(pod(3));
        assertThat(allocate(5, FOUR).addresses()).isEqualTo(addresses("10.1.1.0"));
    }

    @Test
    void exhaustedFamilyTakesNothingOfTheOther() {
        AddressPlan plan = AddressPlan.of(Cidr.parse("10.1.0.0/24"), Cidr.parse("fd00:1::/128"));
        allocate(1, plan);

        assertThatThrownBy(() -> allocate(2, plan))
                .isInstanceOfSatisfying(
                        AddressExhaustedException.class,
                        e -> assertThat(e.family()).isEqualTo(IpFamily.IPV6));
        assertThat(store.usage(plan).getFirst().leased()).isEqualTo(1);
    }

    @Test
    void requestedAddressIsGivenAndTheOtherFamilyChosen() {
        assertThat(allocate(1, DUAL, "fd00:1::77").addresses()).isEqualTo(addresses("10.1.0.1", "fd00:1::77"));
        assertThat(allocate(2, DUAL, "10.1.0.2").addresses()).isEqualTo(addresses("10.1.0.2", "fd00:1::1"));
        assertThat(allocate(3, DUAL).addresses()).isEqualTo(addresses("10.1.0.3", "fd00:1::2"));
    }

    @Test
    void requestedAddressThatIsFreedIsGivenAtOnce() {
        allocate(1, DUAL, "10.1.0.9");
        store.free(pod(1));

        assertThat(allocate(2, DUAL, "10.1.0.9").addresses().getFirst()).isEqualTo(IpAddress.parse("10.1.0.9"));
    }

    @Test
    void unavailableRequestSaysWhy() {
        allocate(1, DUAL);

        assertThatThrownBy(() -> allocate(2, DUAL, "10.1.0.1"))
                .isInstanceOf(AddressUnavailableException.class)
                .hasMessage("the requested address 10.1.0.1 is leased to pod-1/eth0");
        assertThatThrownBy(() -> allocate(2, DUAL, "10.1.0.255"))
                .hasMessage("the requested address 10.1.0.255 is the broadcast address of 10.1.0.0/24");
        assertThatThrownBy(() -> allocate(2, DUAL, "10.2.0.1"))
                .hasMessage("the requested address 10.2.0.1 is outside the range 10.1.0.0/24"
                        + " and is outside the range fd00:1::/64");
        assertThatThrownBy(() -> allocate(2, DUAL, "10.1.0.7", "10.1.0.8"))
                .hasMessageContaining("one address of each family");
        assertThat(store.find(pod(2))).isEmpty();
    }

    @Test
    void usageCountsLeasedAndFreedAddresses() {
        allocate(1, DUAL);
        allocate(2, DUAL);
        store.free(pod(1));

        RangeUsage usage = store.usage(DUAL).getFirst();

        assertThat(usage.size()).isEqualTo(254);
        assertThat(usage.leased()).isEqualTo(1);
        assertThat(usage.cooling()).isEqualTo(1);
        assertThat(usage.free()).isEqualTo(253);
    }

    @Test
    void reopenedStoreKnowsLeasesAndCoolDown() {
        allocate(1, FOUR);
        allocate(2, FOUR);
        Lease active = store.activate(pod(2));
        store.free(pod(1));
        store.close();

        store = LeaseStore.open(leases, NOON);

        assertThat(store.leases()).containsExactly(active);
        assertThat(allocate(3, FOUR).addresses()).isEqualTo(addresses("10.1.1.0"));
        assertThat(allocate(4, FOUR).addresses()).isEqualTo(addresses("10.1.1.1"));
        assertThat(allocate(5, FOUR).addresses()).isEqualTo(addresses("10.1.0.1"));
    }

    @Test
    void twoStoresOfOneDirectorySeeEachOther() {
        try (LeaseStore other = LeaseStore.open(leases, NOON)) {
            Lease mine = allocate(1, DUAL);
            Lease theirs = other.allocate(pod(2), NETWORK, Optional.empty(), DUAL, List.of());

            assertThat(store.leases()).containsExactly(mine, theirs);
            assertThat(other.find(pod(1))).contains(mine);
        }
        assertThat(allocate(3, DUAL).addresses().getFirst()).isEqualTo(IpAddress.parse("10.1.0.3"));
    }

    @Test
    void compactionKeepsLeasesAndTheOrderOfTheCoolDownAndIsSeenByOthers() throws IOException {
        try (LeaseStore other = LeaseStore.open(leases, NOON, 100, 1000);
                LeaseStore small = LeaseStore.open(leases, NOON, 100, 1000)) {
            Lease lasting = small.allocate(pod(0), NETWORK, Optional.empty(), FOUR, List.of());
            for (int i = 1; i < 199; i++) {
                small.allocate(pod(i), NETWORK, Optional.empty(), FOUR, List.of());
                small.free(pod(i));
            }

            assertThat(Files.size(leases.resolve("leases.log"))).isLessThan(2000);
            assertThat(other.leases()).containsExactly(lasting);
            assertThat(List.of(next(other, 1), next(small, 2), next(store, 3)))
                    .containsExactly(
                            IpAddress.parse("10.1.0.2"), IpAddress.parse("10.1.1.0"), IpAddress.parse("10.1.1.1"));
        }
    }

    private static IpAddress next(LeaseStore store, int pod) {
        return store.allocate(pod(pod), NETWORK, Optional.empty(), FOUR, List.of())
                .addresses()
                .getFirst();
    }

    @Test
    void filesAreForTheirOwnerOnly() throws IOException {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(leases)))
                .isEqualTo("rwx------");
        try (var files = Files.list(leases)) {
            for (Path file : files.toList()) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                        .isEqualTo("rw-------");
            }
        }
    }

    @Test
    void deletedFilesOfARunningStoreAreWrittenAgain() throws IOException {
        Lease lease = allocate(1, DUAL);
        Files.delete(leases.resolve("leases.log"));
        Files.delete(leases.resolve("lock"));
        Files.delete(leases);

        Lease next = allocate(2, DUAL);

        try (LeaseStore other = LeaseStore.open(leases, NOON)) {
            assertThat(other.leases()).containsExactly(lease, next);
        }
    }

    @Test
    void threadsNeverGetTheSameAddress() throws InterruptedException {
        Set<IpAddress> given = ConcurrentHashMap.newKeySet();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
            int first = t * 25;
            threads.add(Thread.ofVirtual().start(() -> {
                for (int i = 0; i < 25; i++) {
                    given.addAll(allocate(first + i, DUAL).addresses());
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(given).hasSize(400);
        assertThat(store.leases()).hasSize(200);
    }

    @Test
    void interruptedThreadGetsItsAnswerAndStaysInterrupted() throws InterruptedException {
        Thread.currentThread().interrupt();
        Lease lease = allocate(1, DUAL);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(store.leases()).containsExactly(lease);

        Thread worker = Thread.ofPlatform().start(() -> {
            for (int i = 2; i < 200; i++) {
                allocate(i, DUAL);
            }
        });
        while (worker.isAlive()) {
            worker.interrupt();
            Thread.sleep(1);
        }
        assertThat(store.leases()).hasSize(199);
    }

    @Test
    void podIsRememberedWithTheLease() {
        PodName web = new PodName("shop", "web-0.a");
        Lease lease = store.allocate(pod(1), NETWORK, Optional.of(web), DUAL, List.of());
        assertThat(lease.pod()).contains(web);
        store.activate(pod(1));
        store.close();

        store = LeaseStore.open(leases, NOON);
        assertThat(store.find(pod(1)))
                .hasValueSatisfying(found -> assertThat(found.pod()).contains(web));
        assertThat(allocate(2, DUAL).pod()).isEmpty();
    }

    @Test
    void pendingLeaseOfADeadProcessBelongsToWhoAddsAgain() throws IOException {
        Lease pending = allocate(1, DUAL);
        Lease ofTheDead = new Lease(
                pod(1),
                NETWORK,
                Optional.empty(),
                pending.addresses(),
                LeaseState.PENDING,
                pending.since(),
                Integer.MAX_VALUE);
        Files.write(leases.resolve("leases.log"), new LeaseRecord.Leased(ofTheDead).line(), StandardOpenOption.APPEND);
        assertThat(store.find(pod(1))).contains(ofTheDead);

        assertThat(allocate(1, DUAL)).isEqualTo(pending);
    }

    @Test
    void closedStoreSaysSo() {
        store.close();

        assertThatThrownBy(() -> allocate(1, DUAL))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("can't lease an address for pod-1/eth0: the lease store is closed");
    }

    @Test
    void logOfAnotherFormatIsRefusedAndKept() throws IOException {
        store.close();
        Path log = leases.resolve("leases.log");
        Files.write(log, new LeaseRecord.Version(2).line());

        assertThatThrownBy(() -> LeaseStore.open(leases, NOON))
                .isInstanceOf(LeaseStoreException.class)
                .hasMessageContaining("has format 2, but this program knows only format 1");
        assertThat(Files.readAllBytes(log)).isEqualTo(new LeaseRecord.Version(2).line());
    }
}
