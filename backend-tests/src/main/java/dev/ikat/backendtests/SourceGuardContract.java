package dev.ikat.backendtests;

import static dev.ikat.backendtests.CraftedPacket.echoRequest;
import static dev.ikat.backendtests.CraftedPacket.mark;
import static dev.ikat.backendtests.CraftedPacket.udp;
import static dev.ikat.backendtests.CraftedPacket.udpSegment;
import static dev.ikat.backendtests.CraftedPacket.vxlan;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.NumberedStream;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a {@link SourceGuard} has to do, packet by packet. */
@RequiresRoot
@RequiresProgram("nft")
@RequiresKernel({KernelFeature.VETH, KernelFeature.VXLAN, KernelFeature.IPV6})
public abstract class SourceGuardContract extends GuardedNode {
    private static final int OTHERS_VNI = 77;
    private static final int SERVICE = 9999;
    private static final int OTHERS_SERVICE = 9998;

    private SourceGuard guard;

    /** Opens the guard in the namespace of a node. */
    protected abstract SourceGuard open(TestNamespace node);

    /** Whether it checks the inner source of packets in a node's tunnel. */
    protected abstract boolean looksWithin();

    /** Commands by which another program changes what the guard has put in force. */
    protected abstract List<List<String>> drifts();

    /** The state of the node that this is tested on, if all others are reached through tunnels. */
    protected static final GuardState TUNNELLED = state(false, true);

    @BeforeEach
    final void openGuard() {
        guard = open(node.namespace());
    }

    @ParameterizedTest
    @EnumSource
    protected void onlyNodesSendIntoTheTunnel(IpFamily underlay) {
        addTunnel(underlay, false);
        Addresses outer = of(underlay);
        Map<String, byte[]> right =
                forBoth("a node", a -> tunnelled(outer.peer(), outer.self(), toPod(a, a.peersPod())));
        right.putAll(forBoth(
                "a node for somebody outside", a -> tunnelled(outer.peer(), outer.self(), toPod(a, a.stranger()))));
        Map<String, byte[]> wrong =
                forBoth("a stranger", a -> tunnelled(outer.stranger(), outer.self(), toPod(a, a.peersPod())));
        wrong.putAll(forBoth(
                "a node, as from this node's pod", a -> tunnelled(outer.peer(), outer.self(), toPod(a, a.pod2()))));
        // The kernel itself takes no IPv4 packet that claims to come from it.
        wrong.put("a node, as from this node", tunnelled(outer.peer(), outer.self(), toPod(V6, V6.self())));
        Map<String, byte[]> within = forBoth(
                "a node, as from another's pod", a -> tunnelled(outer.peer(), outer.self(), toPod(a, a.thirdsPod())));
        within.put(
                "a node, in a tagged frame",
                udp(
                        outer.peer(),
                        outer.self(),
                        PORT,
                        vxlan(VNI, mac(node.namespace(), DEVICE), "81000000" + "0800", toPod(V4, V4.thirdsPod()))));

        Map<String, byte[]> all = new LinkedHashMap<>(right);
        all.putAll(wrong);
        all.putAll(within);
        assertThat(arrived(outside, one, all)).as("without a guard").isEqualTo(all.keySet());

        guard.reconcile(TUNNELLED);

        Set<String> expected = new TreeSet<>(right.keySet());
        if (!looksWithin()) {
            expected.addAll(within.keySet());
        }
        assertThat(arrived(outside, one, all)).isEqualTo(expected);
    }

    @ParameterizedTest
    @EnumSource
    protected void noPodSendsIntoATunnel(IpFamily underlay) {
        addTunnel(underlay, false);
        TestNamespace host = node.namespace();
        Addresses outer = of(underlay);
        String ip = underlay == IpFamily.IPV4 ? "ip" : "ip6";
        host.exec("nft", "add table inet service");
        host.exec("nft", "add chain inet service in { type nat hook prerouting priority -100; }");
        host.exec("nft", "add chain inet service out { type nat hook postrouting priority 100; }");
        for (Map.Entry<Integer, IpAddress> service :
                Map.of(SERVICE, outer.self(), OTHERS_SERVICE, outer.peer()).entrySet()) {
            host.exec(
                    "nft",
                    "add rule inet service in udp dport %d dnat %s to %s"
                            .formatted(
                                    service.getKey(),
                                    ip,
                                    (underlay == IpFamily.IPV4 ? "%s:%d" : "[%s]:%d")
                                            .formatted(service.getValue(), PORT)));
        }
        host.exec("nft", "add rule inet service out oifname " + UPLINK + " masquerade");
        Map<String, byte[]> here = forBoth(
                "to its node", a -> tunnelled(outer.pod1(), outer.self(), udp(a.peersPod(), a.pod2(), 7777, mark())));
        here.put(
                "by a service",
                toPort(outer.pod1(), outer.stranger(), SERVICE, udp(V4.peersPod(), V4.pod2(), 7777, mark())));
        byte[] segment = udpSegment(
                outer.pod1(),
                outer.self(),
                PORT,
                vxlan(VNI, mac(host, DEVICE), udp(V4.peersPod(), V4.pod2(), 7777, mark())));
        List<byte[]> fragments = CraftedPacket.fragments(outer.pod1(), outer.self(), CraftedPacket.UDP, segment, 8);
        here.put("a fragment", fragments.get(0));
        here.put("the rest", fragments.get(1));
        if (underlay == IpFamily.IPV6) {
            here.put(
                    "behind options",
                    CraftedPacket.withHeader(
                            CraftedPacket.DESTINATION_OPTIONS,
                            outer.pod1(),
                            outer.self(),
                            CraftedPacket.UDP,
                            udpSegment(
                                    outer.pod1(),
                                    outer.self(),
                                    PORT,
                                    vxlan(VNI, mac(host, DEVICE), udp(V4.peersPod(), V4.pod2(), 7777, mark())))));
        }
        Map<String, byte[]> there = new LinkedHashMap<>();
        there.put("to another node", tunnelled(outer.pod1(), outer.peer(), toPod(V4, V4.peersPod())));
        there.put("to another node, not even a tunnel's", udp(outer.pod1(), outer.peer(), PORT, mark()));
        there.put("by a service", toPort(outer.pod1(), outer.stranger(), OTHERS_SERVICE, toPod(V4, V4.peersPod())));
        List<byte[]> others = CraftedPacket.fragments(
                outer.pod1(),
                outer.peer(),
                CraftedPacket.UDP,
                udpSegment(outer.pod1(), outer.peer(), PORT, vxlan(VNI, mac(host, DEVICE), toPod(V4, V4.peersPod()))),
                8);
        there.put("a fragment", others.get(0));
        there.put("the rest", others.get(1));
        String allowed = "to who is no node";
        there.put(allowed, udp(outer.pod1(), outer.stranger(), PORT, mark()));
        // A whole packet's end is the last fragment's.
        assertThat(arrived(one, two, here)).as("without a guard").isEqualTo(without(here.keySet(), "a fragment"));
        assertThat(arrived(one, outside, there)).as("without a guard").contains("to another node", "by a service");

        guard.reconcile(TUNNELLED);

        assertThat(arrived(one, two, here)).isEmpty();
        assertThat(arrived(one, outside, there)).containsExactly(allowed);
        byte[] carried = toPort(outer.peer(), outer.self(), SERVICE, toPod(V4, V4.peersPod()));
        assertThat(arrived(outside, one, Map.of("a node, by a service", carried)))
                .isEmpty();
    }

    @Test
    void noPacketIsLostWhileTheNodesChange() {
        addTunnel(IpFamily.IPV4, false);
        outside.ip("address", "add", V4.peer() + "/24", "dev", "eth0");
        addVxlan(outside, "tunnel0", VNI, V4.peer(), "remote", V4.self().toString());
        outside.ip("address", "add", V4.peersPod() + "/32", "dev", "tunnel0");
        String mac = mac(node.namespace(), DEVICE).toString();
        outside.ip("neigh", "add", V4.pod1().toString(), "lladdr", mac, "dev", "tunnel0", "nud", "permanent");
        outside.ip(
                "route",
                "add",
                V4.pod1() + "/32",
                "dev",
                "tunnel0",
                "src",
                V4.peersPod().toString());
        guard.reconcile(TUNNELLED);
        try (NumberedStream stream = NumberedStream.start(outside, one, V4.pod1(), SERVICE, 50_000)) {
            long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
            for (int i = 0; System.nanoTime() < end; i++) {
                assertThat(guard.reconcile(state(false, i % 2 == 1))).isTrue();
            }
            NumberedStream.Count count = stream.end();
            assertThat(count.missing()).as(count.toString()).isZero();
            assertThat(count.sent()).isGreaterThan(1000);
        }
    }

    private static Set<String> without(Set<String> names, String name) {
        Set<String> rest = new TreeSet<>(names);
        rest.remove(name);
        return rest;
    }

    @Test
    void fragmentsAreSeenWhole() {
        addTunnel(IpFamily.IPV4, false);
        guard.reconcile(TUNNELLED);
        for (Map.Entry<IpAddress, Boolean> sender :
                Map.of(V4.peer(), true, V4.stranger(), false).entrySet()) {
            byte[] segment = udpSegment(
                    sender.getKey(),
                    V4.self(),
                    PORT,
                    vxlan(VNI, mac(node.namespace(), DEVICE), toPod(V4, V4.peersPod())));
            List<byte[]> fragments = CraftedPacket.fragments(sender.getKey(), V4.self(), CraftedPacket.UDP, segment, 8);
            assertThat(Probe.inject(outside, one, fragments))
                    .as("%s", sender)
                    .containsExactly(false, sender.getValue());
        }
    }

    @Test
    void podsAddressesDoNotComeByTheUplink() {
        addTunnel(IpFamily.IPV4, false);
        Map<String, byte[]> packets = forBoth("another node's pod", a -> toPod(a, a.peersPod()));
        packets.putAll(forBoth("this node's pod", a -> toPod(a, a.pod2())));
        packets.put("this node", toPod(V6, V6.self()));
        Map<String, byte[]> right = forBoth("somebody outside", a -> toPod(a, a.stranger()));
        right.putAll(forBoth("another node", a -> toPod(a, a.peer())));
        packets.putAll(right);
        assertThat(arrived(outside, one, packets)).as("without a guard").isEqualTo(packets.keySet());

        guard.reconcile(TUNNELLED);

        assertThat(arrived(outside, one, packets)).isEqualTo(new TreeSet<>(right.keySet()));
    }

    @Test
    void directlyReachedPodsComeByTheUplinkOnly() {
        TestNamespace host = node.namespace();
        TestNamespace elsewhere = TestNamespace.create();
        try (elsewhere) {
            host.ip("link", "add", "other0", "type", "veth", "peer", "name", "eth0", "netns", elsewhere.name());
            host.ip("link", "set", "other0", "address", "ee:ee:ee:ee:ee:ee", "up");
            host.ip("address", "add", "192.0.2.1/24", "dev", "other0");
            host.ip("address", "add", "2001:db8::1/64", "dev", "other0", "nodad");
            elsewhere.ip("link", "set", "eth0", "up");
            Map<String, byte[]> packets = forBoth("another node's pod", a -> toPod(a, a.peersPod()));
            assertThat(arrived(elsewhere, one, packets)).as("without a guard").isEqualTo(packets.keySet());

            guard.reconcile(state(true, true));

            assertThat(arrived(outside, one, packets)).isEqualTo(packets.keySet());
            assertThat(arrived(elsewhere, one, packets)).isEmpty();
            Map<String, byte[]> own = forBoth("this node's pod", a -> toPod(a, a.pod2()));
            assertThat(arrived(outside, one, own)).isEmpty();
        }
    }

    @Test
    void podsSendToTheirNodeFromTheirOwnAddressesOnly() {
        addTunnel(IpFamily.IPV4, false);
        Map<String, byte[]> forged = forBoth("as another pod", a -> echoRequest(a.pod2(), a.self()));
        Map<String, byte[]> own = forBoth("as itself", a -> echoRequest(a.pod1(), a.self()));
        one.ip("address", "add", "fe80::1:1/64", "dev", "eth0", "nodad");
        // Its answer needs the neighbour discovery that the guard has to let pass.
        own.put("link-local", echoRequest(IpAddress.parse("fe80::1:1"), IpAddress.parse("fe80::1")));
        // The node answers whom it believes.
        assertThat(arrived(one, two, forged)).as("without a guard").isEqualTo(forged.keySet());

        guard.reconcile(TUNNELLED);

        assertThat(arrived(one, two, forged)).isEmpty();
        assertThat(arrived(one, one, own)).isEqualTo(new TreeSet<>(own.keySet()));
        assertThat(arrived(one, two, forBoth("to a pod", a -> udp(a.pod1(), a.pod2(), 7777, mark()))))
                .hasSize(2);
    }

    @Test
    void withoutMasqueradingPodsOfOthersSendToTheNodeButNotToItsPods() {
        addTunnel(IpFamily.IPV4, false);
        guard.reconcile(state(false, false));

        assertThat(arrived(outside, outside, forBoth("to the node", a -> echoRequest(a.peersPod(), a.self()))))
                .hasSize(2);
        Map<String, byte[]> wrong = forBoth("to a pod", a -> toPod(a, a.peersPod()));
        wrong.putAll(forBoth("as this node's pod", a -> toPod(a, a.pod2())));
        assertThat(arrived(outside, one, wrong)).isEmpty();
        assertThat(arrived(outside, two, forBoth("as this node's pod", a -> echoRequest(a.pod2(), a.self()))))
                .isEmpty();
    }

    @Test
    void somebodyElsesTunnelOnTheSamePortGoesOn() {
        addTunnel(IpFamily.IPV4, false);
        addVxlan(node.namespace(), "others0", OTHERS_VNI, V4.self(), "nolearning");
        guard.reconcile(TUNNELLED);
        byte[] packet = udp(
                V4.stranger(),
                V4.self(),
                PORT,
                vxlan(OTHERS_VNI, mac(node.namespace(), "others0"), udp(V4.stranger(), V4.pod1(), 7777, mark())));

        assertThat(Probe.inject(outside, one, List.of(packet))).containsExactly(true);
    }

    @Test
    void followsTheNodes() {
        addTunnel(IpFamily.IPV4, false);
        guard.reconcile(TUNNELLED);
        GuardState alone = new GuardState(
                TUNNELLED.tunnel(),
                Set.of(),
                TUNNELLED.nodeAddresses(),
                blocks(1),
                TUNNELLED.self(),
                TUNNELLED.uplink(),
                true);

        assertThat(guard.reconcile(alone)).isTrue();
        assertThat(arrived(outside, one, Map.of("a node", tunnelled(V4.peer(), V4.self(), toPod(V4, V4.peersPod())))))
                .isEmpty();
        assertThat(guard.reconcile(TUNNELLED)).isTrue();
        assertThat(arrived(outside, one, Map.of("a node", tunnelled(V4.peer(), V4.self(), toPod(V4, V4.peersPod())))))
                .hasSize(1);
    }

    @Test
    void driftIsRepairedAndRemovalLeavesNothing() {
        UnaryOperator<String> rules = text -> text.lines()
                .filter(line -> line.contains("IKAT") || line.contains("ikat") || line.contains("guard-"))
                // A set's hash, and so the order of what is in it, is another each time.
                .map(line -> line.replaceFirst(" initval .*", ""))
                .sorted()
                .collect(Collectors.joining("\n"));
        assertThat(guard.reconcile(TUNNELLED)).isTrue();
        assertThat(guard.reconcile(TUNNELLED)).isFalse();
        String written = kernel();
        for (List<String> drift : drifts()) {
            node.namespace().exec(drift.toArray(String[]::new));
            assertThat(guard.reconcile(TUNNELLED)).as("%s", drift).isTrue();
            assertThat(guard.reconcile(TUNNELLED)).as("%s", drift).isFalse();
            assertThat(rules.apply(kernel())).as("%s", drift).isEqualTo(rules.apply(written));
        }
        assertThat(open(node.namespace()).reconcile(TUNNELLED)).isTrue();
        assertThat(rules.apply(kernel())).isEqualTo(rules.apply(written));

        open(node.namespace()).remove();
        open(node.namespace()).remove();
        assertThat(rules.apply(kernel())).isEmpty();
    }
}
