package dev.ikat.netlink.netfilter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.LoopbackTraffic;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.wire.NetlinkSocket;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connection tracking, packet logs and nf_tables' notifications of the running kernel. */
@RequiresRoot
@RequiresProgram("nft")
class NetfilterTest {
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int ICMP = 1;
    private static final int ICMPV6 = 58;

    private static final IpAddress FIRST = IpAddress.parse("10.1.0.1");
    private static final IpAddress SERVICE = IpAddress.parse("10.9.9.9");
    private static final IpAddress SECOND = IpAddress.parse("10.1.0.2");
    private static final IpAddress SECOND_V6 = IpAddress.parse("fd00::2");

    private final TestNamespace test = LoopbackTraffic.namespace();
    private final NetworkNamespace namespace = NetworkNamespace.open(test.path());

    @AfterEach
    void close() {
        namespace.close();
        test.close();
    }

    @Test
    void connectionsAreListedWithBothEnds() {
        LoopbackTraffic.track(test);
        LoopbackTraffic.exchange(test);

        try (Conntrack conntrack = Conntrack.open(namespace)) {
            List<ConntrackEntry> v4 = conntrack.entries(IpFamily.IPV4);
            List<ConntrackEntry> v6 = conntrack.entries(IpFamily.IPV6);

            assertThat(v4).anySatisfy(entry -> {
                assertThat(entry.original().protocol()).isEqualTo(TCP);
                assertThat(entry.sender()).isEqualTo(FIRST);
                assertThat(entry.original().destination()).isEqualTo(SECOND);
                assertThat(entry.receiver()).isEqualTo(SECOND);
                assertThat(entry.receiverPort()).isEqualTo(80);
                assertThat(entry.assured()).isTrue();
                assertThat(entry.answered()).isTrue();
                assertThat(entry.expected()).isFalse();
            });
            assertThat(v4).anySatisfy(entry -> {
                assertThat(entry.original().destination()).isEqualTo(SERVICE);
                assertThat(entry.original().destinationPort()).isEqualTo(8080);
                assertThat(entry.receiver()).isEqualTo(SECOND);
                assertThat(entry.receiverPort()).isEqualTo(80);
            });
            assertThat(v4).extracting(entry -> entry.original().protocol()).contains(TCP, UDP, ICMP);
            assertThat(v6).extracting(entry -> entry.original().protocol()).contains(TCP, UDP, ICMPV6);
        }
    }

    /** With few connections one list of all is read, with many the kernel looks them out. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1_100})
    void connectionsOfOneAddressAreThoseItOpenedOrAnswers(int others) {
        LoopbackTraffic.track(test);
        LoopbackTraffic.exchange(test);

        try (Conntrack conntrack = Conntrack.open(namespace)) {
            conntrack.add(
                    IntStream.range(0, others)
                            .mapToObj(port -> new ConntrackTuple(
                                    SERVICE.next(), SERVICE.next(), TCP, 1_024 + port, 443, Optional.empty()))
                            .toList(),
                    0);
            for (IpAddress address : List.of(FIRST, SECOND, SECOND_V6, SERVICE)) {
                List<ConntrackEntry> expected = conntrack.entries(address.family()).stream()
                        .filter(entry -> entry.sender().equals(address)
                                || entry.receiver().equals(address))
                        .toList();

                assertThat(conntrack.entriesBetween(Set.of(address))).containsExactlyInAnyOrderElementsOf(expected);
                assertThat(expected.isEmpty()).isEqualTo(address.equals(SERVICE));
            }
        }
    }

    @Test
    void kernelLooksOutConnectionsItself() {
        LoopbackTraffic.track(test);
        LoopbackTraffic.exchange(test);

        try (NetlinkSocket socket = namespace.call(() -> NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER))) {
            List<ConntrackEntry> from =
                    socket.dump(ConntrackRequests.listConnections(ConntrackEnd.SENDER, FIRST), ConntrackMessage::read);
            List<ConntrackEntry> to = socket.dump(
                    ConntrackRequests.listConnections(ConntrackEnd.ANSWERER, SECOND), ConntrackMessage::read);

            assertThat(from).isNotEmpty().allMatch(entry -> entry.sender().equals(FIRST));
            assertThat(to).isNotEmpty().allMatch(entry -> entry.receiver().equals(SECOND));
            assertThat(socket.dump(
                            ConntrackRequests.listConnections(ConntrackEnd.ANSWERER, FIRST), ConntrackMessage::read))
                    .isEmpty();
        }
    }

    @Test
    void connectionsThatAreOpenAlreadyCanBeAdded() {
        List<ConntrackTuple> tuples = List.of(
                new ConntrackTuple(FIRST, SECOND, TCP, 4711, 80, Optional.empty()),
                new ConntrackTuple(SECOND_V6, SECOND_V6, 17, 4711, 53, Optional.empty()),
                new ConntrackTuple(FIRST, SECOND, 1, 0, 0, Optional.of(new ConntrackTuple.IcmpQuery(7, 8, 0))));

        try (Conntrack conntrack = Conntrack.open(namespace)) {
            conntrack.add(tuples, 7);
            conntrack.add(tuples, 7);

            List<ConntrackEntry> all = new ArrayList<>(conntrack.entries(IpFamily.IPV4));
            all.addAll(conntrack.entries(IpFamily.IPV6));
            assertThat(all).allMatch(entry -> entry.answered() && entry.assured() && entry.mark() == 7);
            assertThat(all).extracting(ConntrackEntry::original).containsExactlyInAnyOrderElementsOf(tuples);
        }
    }

    @Test
    void deleteTakesTheseConnectionsAndNoOthers() {
        LoopbackTraffic.track(test);
        LoopbackTraffic.exchange(test);

        try (Conntrack conntrack = Conntrack.open(namespace)) {
            List<ConntrackEntry> all = new ArrayList<>(conntrack.entries(IpFamily.IPV4));
            all.addAll(conntrack.entries(IpFamily.IPV6));
            List<ConntrackEntry> kept = all.stream()
                    .filter(entry -> entry.original().protocol() == TCP)
                    .toList();
            List<ConntrackEntry> deleted =
                    all.stream().filter(entry -> !kept.contains(entry)).toList();

            assertThat(conntrack.delete(deleted)).isEqualTo(deleted.size()).isPositive();
            assertThat(conntrack.delete(deleted)).isZero();
            assertThat(conntrack.delete(List.of())).isZero();

            List<ConntrackTuple> left = new ArrayList<>();
            conntrack.entries(IpFamily.IPV4).forEach(entry -> left.add(entry.original()));
            conntrack.entries(IpFamily.IPV6).forEach(entry -> left.add(entry.original()));
            assertThat(left)
                    .containsExactlyInAnyOrderElementsOf(
                            kept.stream().map(ConntrackEntry::original).toList());
        }
    }

    @Test
    void laterConnectionWithTheSameTuplesIsNotTakenForTheEarlierOne() {
        LoopbackTraffic.track(test);
        LoopbackTraffic.exchange(test);

        try (Conntrack conntrack = Conntrack.open(namespace)) {
            ConntrackEntry entry = conntrack.entries(IpFamily.IPV4).getFirst();
            ConntrackEntry earlier = new ConntrackEntry(
                    entry.original(),
                    entry.reply(),
                    entry.zone(),
                    entry.status(),
                    entry.id() ^ 0x55555555,
                    entry.mark());

            assertThat(conntrack.delete(List.of(earlier))).isZero();
            assertThat(conntrack.entries(IpFamily.IPV4)).contains(entry);
        }
    }

    @Test
    void markIsOfTheseConnectionsAndIsAskedFor() {
        LoopbackTraffic.track(test);
        LoopbackTraffic.exchange(test);

        try (Conntrack conntrack = Conntrack.open(namespace)) {
            for (IpFamily family : IpFamily.values()) {
                List<ConntrackEntry> udp = conntrack.entries(family).stream()
                        .filter(entry -> entry.original().protocol() == UDP)
                        .toList();

                assertThat(conntrack.mark(udp, 0x696b7874))
                        .isEqualTo(udp.size())
                        .isPositive();

                assertThat(conntrack.marked(0x696b7874))
                        .extracting(ConntrackEntry::id)
                        .containsExactlyInAnyOrderElementsOf(
                                udp.stream().map(ConntrackEntry::id).toList());
                assertThat(conntrack.marked(0x696b7875)).isEmpty();
                assertThat(conntrack.delete(udp)).isEqualTo(udp.size());
                assertThat(conntrack.mark(udp, 7)).isZero();
            }
        }
    }

    @Test
    void hundredsAreDeletedAtOnce() {
        LoopbackTraffic.track(test);
        List<Probe.Target> targets = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            targets.add(Probe.Target.udp(test, SECOND, 80));
        }
        try (Probe.Server _ = Probe.serve(test, 80);
                Conntrack conntrack = Conntrack.open(namespace)) {
            assertThat(Probe.failures(targets, PATIENCE)).isEmpty();

            assertThat(conntrack.delete(conntrack.entriesBetween(Set.of(SECOND))))
                    .isGreaterThanOrEqualTo(300);
            assertThat(conntrack.entriesBetween(Set.of(SECOND))).isEmpty();
        }
    }

    @Test
    void loggedPacketsSayWhoSentWhatToWhomAndWhere() {
        Instant before = Instant.now().minusSeconds(1);
        LoopbackTraffic.log(test, 5);

        try (NetfilterLog log = NetfilterLog.open(namespace, 5)) {
            LoopbackTraffic.exchange(test);
            List<LoggedPacket> packets = poll(log, 8);

            assertThat(packets).allSatisfy(packet -> {
                assertThat(packet.prefix()).isEqualTo("ikat i ik0123456789a");
                assertThat(packet.inputInterface()).isEqualTo(1);
                assertThat(packet.outputInterface()).isZero();
                assertThat(packet.hook()).isEqualTo(1);
                assertThat(packet.header()).isPresent();
                packet.received()
                        .ifPresent(at ->
                                assertThat(at).isBetween(before, Instant.now().plusSeconds(1)));
            });
            assertThat(packets.stream().map(packet -> packet.header().orElseThrow()))
                    .anySatisfy(header -> {
                        assertThat(header.source()).isEqualTo(FIRST);
                        assertThat(header.destination()).isEqualTo(SECOND);
                        assertThat(header.protocol()).isEqualTo(TCP);
                        assertThat(header.sourcePort()).isPositive();
                        assertThat(header.destinationPort()).isEqualTo(80);
                    })
                    .anySatisfy(header -> {
                        assertThat(header.destination()).isEqualTo(SECOND_V6);
                        assertThat(header.protocol()).isEqualTo(UDP);
                        assertThat(header.destinationPort()).isEqualTo(80);
                    })
                    .anySatisfy(header -> {
                        assertThat(header.protocol()).isEqualTo(ICMPV6);
                        assertThat(header.destinationPort()).isZero();
                    });
            assertThat(log.lost()).isZero();
        }
    }

    @Test
    void lostPacketsAreCounted() {
        LoopbackTraffic.log(test, 5);

        try (NetfilterLog log = NetfilterLog.openWithBuffer(namespace, 5, 4096)) {
            Probe.check(Collections.nCopies(200, Probe.Target.icmp(test, SECOND)), PATIENCE);
            List<LoggedPacket> read = poll(log, 1);
            LoopbackTraffic.exchange(test);
            read.addAll(poll(log, 1));
            // What was lost last shows by the next packet that is read.
            Probe.check(List.of(Probe.Target.icmp(test, SECOND)), PATIENCE);
            read.addAll(poll(log, 1));

            assertThat(log.lost()).isPositive();
            assertThat(read.size() + log.lost()).isEqualTo(LoopbackTraffic.logged(test));
        }
    }

    @Test
    void logGroupHasOneReader() {
        try (NetfilterLog _ = NetfilterLog.open(namespace, 7);
                NetfilterLog _ = NetfilterLog.open(namespace, 8)) {
            assertThatThrownBy(() -> NetfilterLog.open(namespace, 7))
                    .isInstanceOf(NetlinkException.class)
                    .hasMessage("bind log group 7: EPERM");
        }
        NetfilterLog.open(namespace, 7).close();
    }

    @Test
    void changesOfNftablesAreReportedWithTheirAuthor() {
        try (NftablesMonitor monitor = NftablesMonitor.open(namespace)) {
            test.exec("nft", "add table inet other");
            test.exec("nft", "add chain inet other c");

            List<NftablesEvent> events = new ArrayList<>(monitor.poll(PATIENCE));

            assertThat(events)
                    .hasSize(2)
                    .allSatisfy(event -> assertThat(event)
                            .isInstanceOfSatisfying(NftablesEvent.Generation.class, generation -> {
                                assertThat(generation.program()).isEqualTo("nft");
                                assertThat(generation.thread()).isPositive();
                                assertThat(generation.port()).isNotZero();
                            }));
            assertThat(((NftablesEvent.Generation) events.get(1)).id())
                    .isEqualTo(((NftablesEvent.Generation) events.get(0)).id() + 1);
            assertThat(monitor.poll(Duration.ofMillis(20))).isEmpty();
        }
    }

    @Test
    void lostNotificationsOfNftablesBecomeAResync() {
        try (NftablesMonitor monitor = NftablesMonitor.openWithBuffer(namespace, 4096)) {
            for (int i = 0; i < 20; i++) {
                test.exec("nft", "add table inet t" + i);
            }

            assertThat(monitor.poll(PATIENCE)).hasAtLeastOneElementOfType(NftablesEvent.Resync.class);
        }
    }

    @Test
    void closeEndsPollInAnotherThread() throws Exception {
        NftablesMonitor monitor = NftablesMonitor.open(namespace);
        CountDownLatch started = new CountDownLatch(1);
        FutureTask<List<NftablesEvent>> poll = new FutureTask<>(() -> {
            started.countDown();
            try {
                return monitor.poll(Duration.ofMinutes(1));
            } catch (IllegalStateException closedBefore) {
                return List.of();
            }
        });
        Thread thread = Thread.ofPlatform().start(poll);
        started.await();

        monitor.close();

        assertThat(poll.get(10, TimeUnit.SECONDS)).isEmpty();
        thread.join();
    }

    /** What arrives until there are so many and no more come for a moment. */
    private static List<LoggedPacket> poll(NetfilterLog log, int atLeast) {
        List<LoggedPacket> packets = new ArrayList<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        List<LoggedPacket> some = List.of();
        while (System.nanoTime() < deadline && (packets.size() < atLeast || !some.isEmpty())) {
            some = log.poll(Duration.ofMillis(300));
            packets.addAll(some);
        }
        return packets;
    }
}
