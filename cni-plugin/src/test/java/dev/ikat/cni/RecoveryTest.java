package dev.ikat.cni;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseState;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.NetworkName;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@RequiresRoot
class RecoveryTest {
    @TempDir
    private Path directory;

    private final TestNamespace pod = TestNamespace.create();
    private Node node;
    private String hostLink;

    @BeforeEach
    void addPod() {
        node = new Node(directory, Node.dualStack(), StepObserver.NONE, false);
        node.add("c1", pod);
        hostLink = PodLink.of(Node.attachment("c1")).hostName().value();
    }

    @AfterEach
    void close() {
        node.close();
        pod.close();
    }

    @Test
    void nothingIsDoneWhereNothingIsWrong() {
        assertThat(node.recovery.run()).isEqualTo(new RecoveryReport(0, 0, List.of(), 0, 0, List.of(), List.of()));
    }

    @Test
    void flushedRoutesAndNeighboursComeBack() {
        node.namespace.ip("route", "flush", "dev", hostLink);
        node.namespace.ip("-6", "route", "flush", "dev", hostLink);
        node.namespace.ip("neigh", "flush", "nud", "permanent", "dev", hostLink);

        assertThat(node.recovery.run().repaired()).isEqualTo(4);

        assertThat(node.namespace.ip("route")).contains("10.77.0.1 dev " + hostLink);
        assertThat(node.namespace.ip("-6", "route")).contains("fd77::1 dev " + hostLink);
        assertThat(node.recovery.run().changes()).isZero();
    }

    @Test
    void linkSetDownIsSetUpWithItsRoutes() {
        node.namespace.ip("link", "set", hostLink, "down");

        node.recovery.run();

        assertThat(node.namespace.ip("route")).contains("10.77.0.1 dev " + hostLink);
        assertThat(node.recovery.run().changes()).isZero();
    }

    @Test
    void linkLayerAddressThatSomebodyChangedComesBackWithTheNeighbours() {
        node.namespace.ip("link", "set", hostLink, "address", "02:00:00:00:00:09");

        assertThat(node.recovery.run().readdressed())
                .containsExactly("link " + hostLink
                        + " had the link-layer address 02:00:00:00:00:09 instead of ee:ee:ee:ee:ee:ee");

        assertThat(node.namespace.ip("link", "show", hostLink)).contains("ee:ee:ee:ee:ee:ee");
        assertThat(node.namespace.ip("neighbour")).contains("10.77.0.1 dev " + hostLink);
        assertThat(node.recovery.run().changes()).isZero();
    }

    /** As those that an earlier version made. */
    @Test
    void linkThatListensIsGuardedAndKeepsItsNeighbours() {
        node.namespace.ip("link", "set", hostLink, "arp", "on");
        node.namespace.sysctl("net.ipv4.conf." + hostLink + ".accept_redirects", "1");
        node.namespace.sysctl("net.ipv4.conf." + hostLink + ".route_localnet", "1");
        node.namespace.sysctl("net.ipv6.conf." + hostLink + ".accept_ra", "2");

        assertThat(node.recovery.run().changes()).isPositive();

        assertThat(node.namespace.ip("link", "show", hostLink)).contains("NOARP");
        assertThat(node.namespace.exec(
                        "sysctl",
                        "-n",
                        "net.ipv4.conf." + hostLink + ".accept_redirects",
                        "net.ipv6.conf." + hostLink + ".accept_ra",
                        // Another plugin may have wanted it.
                        "net.ipv4.conf." + hostLink + ".route_localnet"))
                .isEqualTo("0\n0\n1\n");
        assertThat(node.namespace.ip("neigh", "show", "dev", hostLink, "nud", "permanent"))
                .contains("10.77.0.1 ")
                .contains("fd77::1 ");
        assertThat(node.recovery.run().changes()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "net.ipv4.conf.%s.forwarding, 0, 1",
        "net.ipv4.conf.%s.rp_filter, 1, 0",
        "net.ipv4.conf.%s.proxy_arp, 1, 0",
        "net.ipv6.conf.%s.proxy_ndp, 1, 0",
        "net.ipv6.conf.%s.accept_ra, 2, 0",
    })
    void settingThatSomebodyChangedIsPutBack(String key, String others, String wanted) {
        node.namespace.sysctl("net.ipv4.ip_forward", "1");
        node.namespace.sysctl(key.formatted(hostLink), others);

        assertThat(node.recovery.run().repaired()).isPositive();

        assertThat(node.namespace.exec("sysctl", "-n", key.formatted(hostLink))).isEqualTo(wanted + "\n");
        assertThat(node.recovery.run().changes()).isZero();
    }

    @Test
    void looseFilterByTheReversePathIsTheHostsChoice() {
        node.namespace.sysctl("net.ipv4.conf." + hostLink + ".rp_filter", "2");
        assertThat(node.recovery.run().changes()).isZero();
    }

    @Test
    void ipv6ThatSomebodySwitchedOffComesBackWithItsRoute() {
        node.namespace.sysctl("net.ipv6.conf.all.disable_ipv6", "1");

        assertThat(node.recovery.run().repaired()).isPositive();

        assertThat(node.namespace.ip("-6", "route")).contains("fd77::1 dev " + hostLink);
        assertThat(node.recovery.run().changes()).isZero();
    }

    @Test
    void routeThatNoLeaseExplainsIsRemoved() {
        node.namespace.ip("route", "add", "10.77.0.200/32", "dev", hostLink, "proto", "107");
        node.namespace.ip("route", "add", "10.77.0.201/32", "dev", hostLink, "proto", "static");

        node.recovery.run();

        assertThat(node.namespace.ip("route")).doesNotContain("10.77.0.200").contains("10.77.0.201");
    }

    @Test
    void leaseWithoutLinkIsFreed() {
        node.namespace.ip("link", "delete", hostLink);

        assertThat(node.recovery.run().leaks()).isEqualTo(1);

        assertThat(node.remains()).isEmpty();
    }

    @Test
    void linkWithoutLeaseGetsOneAndForeignOnesStay() {
        Lease before = node.leases.find(Node.attachment("c1")).orElseThrow();
        node.leases.free(Node.attachment("c1"));
        node.namespace.ip("link", "add", "ik0123456789a", "type", "veth", "peer", "name", "other");

        RecoveryReport report = node.recovery.run();

        assertThat(report.rebuilt()).singleElement().satisfies(lease -> {
            assertThat(lease.attachment()).isEqualTo(before.attachment());
            assertThat(lease.addresses()).isEqualTo(before.addresses());
            assertThat(lease.state()).isEqualTo(LeaseState.ACTIVE);
            assertThat(lease.isRebuilt()).isTrue();
        });
        assertThat(node.namespace.linkNames()).contains("ik0123456789a", "other", hostLink);
        assertThat(node.recovery.run().changes()).isZero();
    }

    /** As it is before its ADD is finished. */
    private void unmark(String container) {
        String hostEnd = PodLink.of(Node.attachment(container)).hostName().value();
        node.namespace.ip(
                "link",
                "property",
                "del",
                "dev",
                hostEnd,
                "altname",
                StoreMark.of(directory).nameFor(new InterfaceName(hostEnd)));
    }

    @Test
    void finishedAttachmentWhoseLastRecordIsLostLivesOn() {
        node.leases.free(Node.attachment("c1"));
        node.leases.allocate(
                Node.attachment("c1"), new NetworkName("test"), Optional.empty(), Node.dualStack(), List.of());
        Recovery successor = new Recovery(
                node.leases,
                node.network,
                node.reaper,
                Clock.offset(Clock.systemUTC(), Duration.ofHours(1)),
                Duration.ZERO,
                pid -> false);

        RecoveryReport report = successor.run();

        assertThat(report.undone()).isZero();
        assertThat(report.rebuilt()).hasSize(1);
        assertThat(node.leases.find(Node.attachment("c1")).orElseThrow().state())
                .isEqualTo(LeaseState.ACTIVE);
        assertThat(pod.linkNames()).contains("eth0");
    }

    @Test
    void halfMadeAttachmentOfADeadProcessIsUndone() {
        try (TestNamespace second = TestNamespace.create();
                LeaseStore other = LeaseStore.open(directory, Clock.systemUTC())) {
            // As a killed process leaves it: leased, linked, not committed.
            node.call(Verb.ADD, "c2", "eth0", second.path(), "");
            node.leases.free(Node.attachment("c2"));
            unmark("c2");
            other.allocate(
                    Node.attachment("c2"), new NetworkName("test"), Optional.empty(), Node.dualStack(), List.of());
            Recovery successor = new Recovery(
                    node.leases,
                    node.network,
                    node.reaper,
                    Clock.offset(Clock.systemUTC(), Duration.ofSeconds(1)),
                    Duration.ZERO,
                    pid -> false);

            assertThat(successor.run().undone()).isEqualTo(1);

            assertThat(second.linkNames()).containsExactly("lo");
            assertThat(node.leases.leases()).hasSize(1);
        }
    }
}
