package dev.ikat.netlink.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.packet.NeighbourPacket.Solicitation;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.IPV6})
class PacketPortTest {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int OTHER = 0x88b5;

    private final Underlay underlay = new Underlay();
    private final TestNamespace here = TestNamespace.create();
    private final TestNamespace there = TestNamespace.create();
    private PacketPort port;
    private MacAddress mac;

    @BeforeEach
    void open() {
        underlay.attach(here, 0, 11);
        underlay.attach(there, 0, 12);
        mac = MacAddress.parse(
                here.ipJson("link", "show", "eth0").get(0).get("address").text());
        port = open(index(here), here);
    }

    private static int index(TestNamespace namespace) {
        return (int)
                namespace.ipJson("link", "show", "eth0").get(0).get("ifindex").number();
    }

    private static PacketPort open(int index, TestNamespace namespace) {
        try (NetworkNamespace entered = NetworkNamespace.open(namespace.path())) {
            return entered.call(() -> PacketPort.open(
                    index,
                    List.of(
                            Map.entry(OTHER, PacketFilter.of()),
                            Map.entry(ArpPacket.PROTOCOL, ArpPacket.FILTER),
                            Map.entry(NeighbourPacket.PROTOCOL, NeighbourPacket.FILTER))));
        }
    }

    @AfterEach
    void remove() {
        port.close();
        here.close();
        there.close();
        underlay.close();
    }

    private static String neighbour(TestNamespace namespace, IpAddress address) {
        return namespace.ip("neighbour", "show", address.toString());
    }

    private void answerUntilKnown(IpAddress address) {
        Await.until(LIMIT, () -> "not known: " + neighbour(there, address), () -> {
            for (Packet packet : port.poll(Duration.ofMillis(100))) {
                ArpPacket.read(packet.payload())
                        .filter(arp -> packet.protocol() == ArpPacket.PROTOCOL
                                && arp.targetIp().equals(address))
                        .ifPresent(arp -> port.send(
                                ArpPacket.PROTOCOL,
                                packet.from(),
                                arp.answer(mac).bytes()));
                NeighbourPacket.read(packet.payload()).ifPresent(read -> {
                    if (read instanceof Solicitation asked && asked.target().equals(address)) {
                        port.send(
                                NeighbourPacket.PROTOCOL,
                                packet.from(),
                                asked.answer(mac).bytes());
                    }
                });
            }
            return neighbour(there, address).contains(mac.toString());
        });
    }

    @Test
    void kernelBelievesWhatIsAnswered() {
        IpAddress v4 = IpAddress.parse("172.30.0.77");
        IpAddress v6 = IpAddress.parse("fd00:30::77");
        List.of(v4, v6)
                .forEach(address -> there.runner("ping", "-c", "1", "-W", "1", address.toString())
                        .run());
        // An entry that has failed asks again.
        Process ping4 = there.runner("ping", v4.toString()).startInBackground(Path.of("/dev/null"));
        Process ping6 = there.runner("ping", v6.toString()).startInBackground(Path.of("/dev/null"));
        try {
            answerUntilKnown(v4);
            answerUntilKnown(v6);
        } finally {
            ping4.destroy();
            ping6.destroy();
        }
    }

    @Test
    void packetsArriveWholeAndFromTheirStation() {
        assertPacketsArrive();
    }

    private void assertPacketsArrive() {
        try (PacketPort other = open(index(there), there)) {
            other.send(OTHER, ArpPacket.BROADCAST, new byte[] {1, 2, 3});
            Await.until(
                    LIMIT,
                    () -> "nothing has arrived",
                    () -> port.poll(Duration.ofMillis(100)).stream()
                            .anyMatch(packet -> packet.protocol() == OTHER
                                    && packet.payload().get(0) == 1
                                    && packet.payload().get(2) == 3
                                    && !packet.from().equals(mac)));
        }
    }

    @Test
    void whatPassesNoFilterWakesNobody() {
        try (PacketPort other = open(index(there), there)) {
            byte[] strange = new byte[28];
            other.send(ArpPacket.PROTOCOL, ArpPacket.BROADCAST, strange);
            other.send(OTHER, ArpPacket.BROADCAST, new byte[] {9});
            Await.until(LIMIT, () -> "nothing has arrived", () -> {
                List<Packet> packets = port.poll(Duration.ofMillis(100));
                assertThat(packets)
                        .noneMatch(packet -> packet.protocol() == ArpPacket.PROTOCOL
                                && packet.payload().getShort(0) == 0);
                return packets.stream().anyMatch(packet -> packet.protocol() == OTHER);
            });
        }
    }

    @Test
    void linkThatGoesDownAndComesBackIsUsedAgain() {
        here.ip("link", "set", "eth0", "down");
        assertThat(port.poll(Duration.ofMillis(10))).isEmpty();
        assertThatThrownBy(() -> port.send(OTHER, ArpPacket.BROADCAST, new byte[] {1}))
                .isInstanceOf(NetlinkException.class)
                .hasMessageContaining("ENETDOWN");

        here.ip("link", "set", "eth0", "up");

        port.send(OTHER, ArpPacket.BROADCAST, new byte[] {1});
        assertPacketsArrive();
    }

    @Test
    void wakeEndsAPoll() {
        port.wake();
        long start = System.nanoTime();

        List<Packet> _ = port.poll(Duration.ofSeconds(30));

        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
        port.close();
        port.wake();
    }

    @Test
    void linkThatIsNotThereIsRefused() {
        assertThatThrownBy(() -> open(4242, here))
                .isInstanceOf(NetlinkException.class)
                .hasMessageContaining("interface 4242");
    }
}
