package dev.ikat.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.random.Seeds;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.NumberedStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whatever becomes of the lease store's files, running pods keep their links and addresses. */
@RequiresRoot
final class LostLeasesTest {
    private static final int PODS = 50;
    private static final int FLIPS = 1_000;
    private static final int PORT = 7000;
    private static final int PER_SECOND = 200;

    private final TestDirectory directory = TestDirectory.create();
    private final Path leases = directory.path().resolve("leases");
    private final Path log = leases.resolve("leases.log");
    private final TestNamespace sender = TestNamespace.create();
    private final TestNamespace receiver = TestNamespace.create();
    private final TestNamespace others = TestNamespace.create();
    private final Node node = new Node(leases, Node.dualStack(), StepObserver.NONE, false);

    @BeforeEach
    void addTheTwoThatTalk() {
        node.namespace.sysctl("net.ipv4.ip_forward", "1");
        node.add("c0", sender);
        node.add("c1", receiver);
    }

    @AfterEach
    void close() {
        node.close();
        List.of(sender, receiver, others).forEach(TestNamespace::close);
        directory.close();
    }

    /** In one namespace, each with an interface of its own: making fifty would take longer than the test. */
    private void addTheOthers() {
        for (int i = 2; i < PODS; i++) {
            assertThat(node.call(Verb.ADD, "c" + i, "eth" + i, others.path(), "")
                            .exitCode())
                    .isZero();
        }
    }

    private NumberedStream stream() {
        IpAddress to = node.leases
                .find(Node.attachment("c1"))
                .orElseThrow()
                .addresses()
                .getFirst();
        return NumberedStream.start(sender, receiver, to, PORT, PER_SECOND);
    }

    private Map<String, Integer> links() {
        return node.network.with(Rtnetlink::links).stream()
                .filter(PodLink::isHostEnd)
                .collect(Collectors.toMap(link -> link.name().value(), Link::index, (a, b) -> a, TreeMap::new));
    }

    private static Map<Attachment, List<IpAddress>> addresses(LeaseStore store) {
        return store.leases().stream().collect(Collectors.toMap(Lease::attachment, Lease::addresses));
    }

    private Recovery recovery(LeaseStore store, Clock clock) {
        DirectReaper reaper = new DirectReaper(store, node.network, node.connections, StepObserver.NONE);
        return new Recovery(store, node.network, reaper, clock, Duration.ZERO, _ -> false);
    }

    /** What an agent does that starts with these bytes in the log: nothing may be lost by it. */
    private void assertNothingIsLost(byte[] bytes, Map<Attachment, List<IpAddress>> expected, String what) {
        write(bytes);
        try (LeaseStore store = LeaseStore.open(leases, Clock.systemUTC())) {
            Recovery successor = recovery(store, Clock.offset(Clock.systemUTC(), Duration.ofHours(1)));
            RecoveryReport report = successor.run();
            assertThat(report.undone() + report.released() + report.leaks() + report.repaired())
                    .as("%s: %s", what, report)
                    .isZero();
            assertThat(report.unexplained()).as(what).isEmpty();
            assertThat(addresses(store)).as(what).isEqualTo(expected);
        }
    }

    private void write(byte[] bytes) {
        try {
            Files.write(log, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void logCutOffAtAnyByteLosesNoPod() throws IOException {
        addTheOthers();
        Map<Attachment, List<IpAddress>> expected = addresses(node.leases);
        Map<String, Integer> before = links();
        byte[] whole = compacted();
        try (NumberedStream stream = stream()) {
            for (int length = 0; length < whole.length; length++) {
                assertNothingIsLost(Arrays.copyOf(whole, length), expected, "cut off at byte " + length);
            }

            assertThat(stream.end().missing()).isZero();
        }
        assertThat(links()).isEqualTo(before).hasSize(PODS);
    }

    @Test
    void flippedBitsLoseNoPod() throws IOException {
        addTheOthers();
        Map<Attachment, List<IpAddress>> expected = addresses(node.leases);
        Map<String, Integer> before = links();
        byte[] whole = Files.readAllBytes(log);
        try (NumberedStream stream = stream()) {
            Seeds.forEach(FLIPS, random -> {
                byte[] damaged = whole.clone();
                int bit = random.between(0, 8 * damaged.length - 1);
                damaged[bit / 8] ^= (byte) (1 << bit % 8);
                assertNothingIsLost(damaged, expected, "bit %d of byte %d".formatted(bit % 8, bit / 8));
            });

            assertThat(stream.end().missing()).isZero();
        }
        assertThat(links()).isEqualTo(before).hasSize(PODS);
    }

    /** Each lease once, as it is. */
    private byte[] compacted() throws IOException {
        Files.delete(log);
        node.leases.leases();
        return Files.readAllBytes(log);
    }

    @Test
    void processThatKnowsItsLeasesKeepsThemWhateverHappensToTheFiles() throws IOException {
        try (LeaseStore running = LeaseStore.open(leases, Clock.systemUTC(), node.network.witness())) {
            Map<Attachment, List<IpAddress>> expected = addresses(running);

            Files.write(log, new byte[0]);
            assertThat(addresses(running)).as("emptied").isEqualTo(expected);
            assertThat(running.damage().restored()).isEqualTo(2);

            Files.writeString(log, "nonsense\n");
            assertThat(addresses(running)).as("overwritten").isEqualTo(expected);

            Files.delete(log);
            assertThat(addresses(running)).as("deleted").isEqualTo(expected);

            Files.move(leases, directory.path().resolve("elsewhere"));
            LeaseStore.open(leases, Clock.systemUTC()).close();
            assertThat(addresses(running)).as("another directory").isEqualTo(expected);
        }
        try (LeaseStore next = LeaseStore.open(leases, Clock.systemUTC())) {
            assertThat(next.leases()).as("and written anew").hasSize(2);
        }
    }

    @Test
    void leaseThatAnotherProcessEndedIsNotRestored() throws IOException {
        try (LeaseStore running = LeaseStore.open(leases, Clock.systemUTC(), node.network.witness())) {
            assertThat(running.leases()).hasSize(2);
            node.del("c1", receiver);
            // As a compaction by the other process.
            compacted();

            assertThat(running.leases()).hasSize(1);
            assertThat(running.damage().restored()).isZero();
        }
    }

    @Test
    void addressOfAPodWhoseLeaseIsLostIsNotGivenAgain() {
        List<IpAddress> running =
                node.leases.find(Node.attachment("c1")).orElseThrow().addresses();
        node.leases.free(Node.attachment("c1"));
        // So that the ranges have no others left that were never used.
        try (LeaseStore empty = LeaseStore.open(directory.path().resolve("empty"), Clock.systemUTC())) {
            CniPlugin forgetful = new CniPlugin(
                    empty,
                    node.network,
                    new Node.FixedNetwork(Node.dualStack()),
                    PodPolicy.NONE,
                    new DirectReaper(empty, node.network, node.connections, StepObserver.NONE),
                    StepObserver.NONE);

            CniResponse answer = forgetful.handle(new CniRequest(
                    Map.of(
                            "CNI_COMMAND", "ADD",
                            "CNI_CONTAINERID", "c9",
                            "CNI_IFNAME", "eth9",
                            "CNI_NETNS", others.path().toString()),
                    Node.CONFIG.formatted("").getBytes(java.nio.charset.StandardCharsets.UTF_8)));

            assertThat(answer.exitCode()).as(Node.text(answer)).isZero();
            assertThat(empty.leases().stream().flatMap(lease -> lease.addresses().stream()))
                    .doesNotHaveDuplicates()
                    .containsAll(running)
                    .hasSize(6);
        }
    }

    @Test
    void rebuiltLeaseIsDeletedCheckedAndTakenOverByItsNetwork() {
        Attachment attachment = Node.attachment("c1");
        String result = Node.text(node.add("c1", receiver));
        node.leases.free(attachment);
        node.recovery.run();

        CniResponse check = node.call(Verb.CHECK, "c1", "eth0", receiver.path(), ", \"prevResult\": " + result);
        assertThat(check.exitCode()).as(Node.text(check)).isZero();

        node.add("c1", receiver);
        assertThat(node.leases.find(attachment).orElseThrow().network().value()).isEqualTo("test");

        node.leases.free(attachment);
        node.recovery.run();
        node.del("c1", receiver);
        assertThat(node.leases.find(attachment)).isEmpty();
        assertThat(receiver.linkNames()).containsExactly("lo");
    }

    @Test
    void delOfALinkWhoseLeaseIsLostDeletesIt() {
        node.leases.free(Node.attachment("c1"));

        assertThat(node.del("c1", receiver).exitCode()).isZero();

        assertThat(receiver.linkNames()).containsExactly("lo");
    }

    @Test
    void garbageOfAnotherNetworkIsNotEveryRebuiltLease() {
        node.leases.free(Node.attachment("c1"));
        node.recovery.run();
        Set<String> before = new HashSet<>(links().keySet());

        node.call(Verb.GC, Map.of(), """
                {"cniVersion": "1.1.0", "name": "other", "type": "ikat", "cni.dev/valid-attachments": [],
                 "ipam": {"ranges": [[{"subnet": "10.99.0.0/24"}]]}}""");

        assertThat(links().keySet()).isEqualTo(before);
    }

    @Test
    void addressesAreFoundInThePodWhereTheHostHasLostThem() {
        String hostEnd = PodLink.of(Node.attachment("c1")).hostName().value();
        List<IpAddress> addresses =
                node.leases.find(Node.attachment("c1")).orElseThrow().addresses();
        node.leases.free(Node.attachment("c1"));
        node.namespace.ip("link", "set", hostEnd, "down");
        node.namespace.ip("neigh", "flush", "nud", "permanent", "dev", hostEnd);

        assertThat(node.recovery.run().rebuilt())
                .singleElement()
                .satisfies(lease -> assertThat(lease.addresses()).isEqualTo(addresses));
    }

    @Test
    void linkThatNobodyCanExplainStaysAndIsNamed() {
        node.leases.free(Node.attachment("c1"));
        String hostEnd = PodLink.of(Node.attachment("c1")).hostName().value();
        node.namespace.ip("link", "set", "dev", hostEnd, "alias", "ikat:somebody/else");

        RecoveryReport report = node.recovery.run();

        assertThat(report.rebuilt()).isEmpty();
        assertThat(report.unexplained()).singleElement().asString().contains(hostEnd, "somebody/else");
        assertThat(node.namespace.linkNames()).contains(hostEnd);
    }

    @Test
    void anotherStoreOfTheSameHostIsRefused() {
        try (LeaseStore second = LeaseStore.open(directory.path().resolve("second"), Clock.systemUTC())) {
            Recovery other = recovery(second, Clock.systemUTC());

            assertThatThrownBy(other::run)
                    .isInstanceOf(ForeignStoreException.class)
                    .hasMessageContaining(leases.toString())
                    .hasMessageContaining(directory.path().resolve("second").toString());
            assertThat(second.leases()).isEmpty();
        }
        assertThat(links()).hasSize(2);
    }

    @Test
    void storeWhoseDirectoryIsGoneIsRebuiltInAnother() throws IOException {
        Files.delete(log);
        try (LeaseStore second = LeaseStore.open(directory.path().resolve("second"), Clock.systemUTC())) {
            Recovery other = recovery(second, Clock.systemUTC());

            assertThat(other.run().rebuilt()).hasSize(2);
            assertThat(other.run().changes()).isZero();
            assertThat(second.leases()).hasSize(2);
        }
    }
}
