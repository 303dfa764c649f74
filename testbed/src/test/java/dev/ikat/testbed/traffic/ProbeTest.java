package dev.ikat.testbed.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresProgram({"ip", "nsenter", "nft"})
final class ProbeTest {
    private static final Duration LIMIT = Duration.ofMillis(700);
    private static final IpAddress V4 = IpAddress.parse("127.0.0.1");
    private static final IpAddress V6 = IpAddress.parse("::1");

    @Test
    void everyProtocolReachesItsEchoWithEverySize() {
        try (TestNamespace namespace = TestNamespace.create();
                Probe.Server _ = Probe.serve(namespace, 7, 9)) {
            assertThat(Probe.failures(
                            List.of(
                                    Probe.Target.tcp(namespace, V4, 7),
                                    Probe.Target.tcp(namespace, V6, 9).withBytes(60_000),
                                    Probe.Target.udp(namespace, V4, 9).withBytes(8_000),
                                    Probe.Target.udp(namespace, V6, 7),
                                    Probe.Target.sctp(namespace, V4, 7),
                                    Probe.Target.sctp(namespace, V6, 9),
                                    Probe.Target.icmp(namespace, V4).withBytes(1),
                                    Probe.Target.icmp(namespace, V6)),
                            LIMIT))
                    .isEmpty();
        }
    }

    @Test
    void saysWhyATargetIsNotReached() {
        try (TestNamespace namespace = TestNamespace.create()) {
            namespace.ip("route", "add", "blackhole", "192.0.2.0/24");

            List<Probe.Outcome> outcomes = Probe.check(
                    List.of(
                            Probe.Target.tcp(namespace, V4, 7),
                            Probe.Target.udp(namespace, V4, 7),
                            Probe.Target.icmp(namespace, IpAddress.parse("192.0.2.1")),
                            Probe.Target.tcp(namespace, IpAddress.parse("198.51.100.1"), 7)),
                    LIMIT);

            assertThat(outcomes)
                    .extracting(outcome -> outcome.failure().orElse("reached"))
                    .containsExactly(
                            "Connection refused", "Connection refused", "Invalid argument", "Network is unreachable");
        }
    }

    @Test
    void whatIsNotExpectedIsWaitedForNoLongerThanItTakesToSettle() {
        try (TestNamespace namespace = TestNamespace.create();
                Probe.Server _ = Probe.serve(namespace, 7)) {
            namespace.exec("nft", "add table inet test");
            namespace.exec("nft", "add chain inet test in { type filter hook input priority 0; }");
            namespace.exec("nft", "add rule inet test in udp dport 9 drop");
            Probe.Target dropped = Probe.Target.udp(namespace, V4, 9);
            Probe.Target passes = Probe.Target.udp(namespace, V6, 7);
            long start = System.nanoTime();

            List<Probe.Outcome> outcomes = Probe.check(
                    List.of(Probe.Target.tcp(namespace, V4, 7), dropped, passes),
                    target -> target.protocol() == Probe.Protocol.TCP,
                    Duration.ofMinutes(1),
                    Duration.ofSeconds(1));

            assertThat(outcomes).extracting(Probe.Outcome::reached).containsExactly(true, false, true);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
        }
    }

    @Test
    void anAssociationWithAPortThatIsNotServedIsNotGranted() {
        try (TestNamespace namespace = TestNamespace.create();
                Probe.Server _ = Probe.serve(namespace, 7)) {
            assertThat(Probe.check(
                            List.of(Probe.Target.sctp(namespace, V4, 9), Probe.Target.sctp(namespace, V6, 9)), LIMIT))
                    .noneMatch(Probe.Outcome::reached);
        }
    }

    @Test
    void twoNamespacesWithTheSameAddressAreToldApart() {
        try (TestNamespace served = TestNamespace.create();
                TestNamespace bare = TestNamespace.create();
                Probe.Server _ = Probe.serve(served, 7)) {
            assertThat(Probe.check(
                            List.of(
                                    Probe.Target.tcp(bare, V4, 7),
                                    Probe.Target.tcp(served, V4, 7),
                                    Probe.Target.tcp(bare, V4, 7)),
                            LIMIT))
                    .extracting(Probe.Outcome::reached)
                    .containsExactly(false, true, false);
        }
    }
}
