package dev.ikat.netlink.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the overlay needs: VXLAN, forwarding entries, routes by way of a tunnel, offloads, rules. */
@RequiresRoot
class OverlayTest {
    private static final InterfaceName UPLINK = new InterfaceName("up0");
    private static final InterfaceName VXLAN = new InterfaceName("ikat-vxlan");
    private static final MacAddress PEER_MAC = MacAddress.parse("0e:6b:00:00:00:02");
    private static final IpAddress PEER = IpAddress.parse("192.0.2.2");
    private static final IpAddress OTHER_PEER = IpAddress.parse("192.0.2.3");

    private final TestNamespace test = TestNamespace.create();
    private final NetworkNamespace namespace = NetworkNamespace.open(test.path());
    private final Rtnetlink rtnetlink = Rtnetlink.open(namespace);
    private int uplink;
    private int vxlan;

    @BeforeEach
    void makeTunnelEnd() {
        test.ip("link", "add", "up0", "type", "veth", "peer", "name", "up1");
        uplink = rtnetlink.link(UPLINK).orElseThrow().index();
        rtnetlink.execute(
                Requests.change(LinkChange.of(uplink).up()),
                Requests.add(Address.of(uplink, InterfaceAddress.parse("192.0.2.1/24"))),
                Requests.create(VxlanSpec.of(VXLAN, 4796, 8472)
                        .local(IpAddress.parse("192.0.2.1"))
                        .underlay(uplink)
                        .mac(MacAddress.parse("0e:6b:00:00:00:01"))
                        .mtu(1450)),
                Requests.change(LinkChange.of(VXLAN).up()));
        vxlan = rtnetlink.link(VXLAN).orElseThrow().index();
    }

    @AfterEach
    void close() {
        rtnetlink.close();
        namespace.close();
        test.close();
    }

    @Test
    void vxlanIsWhatWasAskedFor() {
        Json link = test.ipJson("link", "show", "ikat-vxlan").get(0);
        Json data = link.get("linkinfo").get("info_data");

        assertThat(data.get("id").number()).isEqualTo(4796);
        assertThat(data.get("port").number()).isEqualTo(8472);
        assertThat(data.get("local").text()).isEqualTo("192.0.2.1");
        assertThat(data.get("link").text()).isEqualTo("up0");
        assertThat(data.get("learning").isTrue()).isFalse();
        assertThat(link.get("mtu").number()).isEqualTo(1450);
        assertThat(rtnetlink.link(vxlan).orElseThrow().vxlan())
                .contains(new Vxlan(4796, 8472, Optional.of(IpAddress.parse("192.0.2.1")), Optional.of(uplink), false));
    }

    @Test
    void vxlanOverIpv6() {
        IpAddress local = IpAddress.parse("fd00::1");
        rtnetlink.execute(Requests.create(
                VxlanSpec.of(new InterfaceName("vx6"), 4797, 8473).local(local)));

        assertThat(test.ipJson("link", "show", "vx6")
                        .get(0)
                        .get("linkinfo")
                        .get("info_data")
                        .get("local6")
                        .text())
                .isEqualTo("fd00::1");
        assertThat(rtnetlink
                        .link(new InterfaceName("vx6"))
                        .orElseThrow()
                        .vxlan()
                        .orElseThrow()
                        .local())
                .contains(local);
    }

    @Test
    void forwardingEntryIsAppendedReadReplacedAndDeleted() {
        FdbEntry entry = FdbEntry.permanent(vxlan, PEER_MAC, PEER);
        rtnetlink.execute(Requests.append(entry));
        assertThat(rtnetlink.fdb(vxlan)).containsExactly(entry);
        assertThat(test.exec("bridge", "fdb", "show", "dev", "ikat-vxlan").strip())
                .isEqualTo("0e:6b:00:00:00:02 dst 192.0.2.2 self permanent");

        FdbEntry moved = FdbEntry.permanent(vxlan, PEER_MAC, OTHER_PEER);
        rtnetlink.execute(Requests.replace(moved));
        assertThat(rtnetlink.fdb(vxlan)).containsExactly(moved);

        rtnetlink.execute(Requests.delete(moved));
        assertThat(rtnetlink.fdb(vxlan)).isEmpty();
        rtnetlink.execute(Requests.delete(moved).ignoring(Errno.ENOENT));
    }

    @Test
    void floodingEntriesStandBesideEachOther() {
        MacAddress any = new MacAddress(0);
        FdbEntry first = FdbEntry.permanent(vxlan, any, PEER);
        FdbEntry second = FdbEntry.permanent(vxlan, any, OTHER_PEER);

        rtnetlink.execute(Requests.append(first), Requests.append(second));

        assertThat(rtnetlink.fdb(vxlan)).containsExactlyInAnyOrder(first, second);
    }

    @Test
    void routeThroughTheTunnelKeepsItsParts() {
        Route route = Route.to(Cidr.parse("10.2.0.0/24"))
                .link(vxlan)
                .viaOnlink(IpAddress.parse("10.2.0.0"))
                .preferredSource(IpAddress.parse("192.0.2.1"))
                .mtu(1400)
                .metric(7)
                .table(1000);
        rtnetlink.execute(Requests.add(route));

        assertThat(rtnetlink.routes(IpFamily.IPV4, RouteFilter.ALL.table(1000))).containsExactly(route);
        assertThat(test.ip("route", "show", "table", "1000").strip().replace("  ", " "))
                .isEqualTo("10.2.0.0/24 via 10.2.0.0 dev ikat-vxlan proto 107 src 192.0.2.1 metric 7 onlink mtu 1400");
    }

    @Test
    void ipv4RouteByAnIpv6Gateway() {
        Route route = Route.to(Cidr.parse("10.3.0.0/24")).link(uplink).via(IpAddress.parse("fe80::9"));
        rtnetlink.execute(Requests.add(route));

        assertThat(rtnetlink.routes(IpFamily.IPV4, uplink)).contains(route);
        assertThat(test.ip("route", "show", "10.3.0.0/24")).contains("via inet6 fe80::9 dev up0");
    }

    @Test
    void routeOfSeveralHops() {
        test.ip(
                "route",
                "add",
                "10.4.0.0/24",
                "nexthop",
                "via",
                "192.0.2.8",
                "weight",
                "3",
                "nexthop",
                "via",
                "192.0.2.9");

        Route route = rtnetlink.routes(IpFamily.IPV4).stream()
                .filter(r -> r.destination().equals(Cidr.parse("10.4.0.0/24")))
                .findFirst()
                .orElseThrow();

        assertThat(route.multipath())
                .containsExactly(
                        new NextHop(Optional.of(IpAddress.parse("192.0.2.8")), uplink, 3, false),
                        new NextHop(Optional.of(IpAddress.parse("192.0.2.9")), uplink, 1, false));
        assertThat(rtnetlink.routes(IpFamily.IPV4, uplink)).contains(route);

        rtnetlink.execute(Requests.delete(route), Requests.add(route));
        assertThat(rtnetlink.routes(IpFamily.IPV4, uplink)).contains(route);
    }

    @Test
    void filterTellsOwnRoutesFromOthers() {
        test.ip("route", "add", "10.5.0.0/24", "via", "192.0.2.8");
        Route own = Route.to(Cidr.parse("10.6.0.0/24")).link(uplink).via(PEER);
        Route blackhole =
                Route.to(Cidr.parse("10.7.0.0/16")).type(RouteType.BLACKHOLE).scope(Scope.UNIVERSE);
        rtnetlink.execute(Requests.add(own), Requests.add(blackhole));

        assertThat(rtnetlink.routes(IpFamily.IPV4, RouteFilter.ALL.protocol(RouteProtocol.IKAT)))
                .containsExactlyInAnyOrder(own, blackhole);
        assertThat(rtnetlink.routes(IpFamily.IPV4, RouteFilter.ALL.table(4711))).isEmpty();
        assertThat(rtnetlink.routes(IpFamily.IPV4, 999_999)).isEmpty();
        assertThat(rtnetlink.routes(IpFamily.IPV6, RouteFilter.ALL.protocol(RouteProtocol.IKAT)))
                .isEmpty();
    }

    @Test
    void replaceChangesTheRouteInPlace() {
        Route first = Route.to(Cidr.parse("fd00:2::/64")).link(uplink).via(IpAddress.parse("fe80::2"));
        Route second = Route.to(Cidr.parse("fd00:2::/64")).link(uplink).via(IpAddress.parse("fe80::3"));

        rtnetlink.execute(Requests.replace(first), Requests.replace(second));

        assertThat(rtnetlink.routes(IpFamily.IPV6, RouteFilter.ALL.protocol(RouteProtocol.IKAT)))
                .containsExactly(second);
    }

    @Test
    void transmitChecksumOffloadIsTurnedOffAndOn() {
        assertThat(namespace.<Boolean>call(() -> Ethtool.txChecksumOffload(VXLAN)))
                .isTrue();

        boolean off = namespace.call(() -> {
            Ethtool.setTxChecksumOffload(VXLAN, false);
            return Ethtool.txChecksumOffload(VXLAN);
        });
        boolean on = namespace.call(() -> {
            Ethtool.setTxChecksumOffload(VXLAN, true);
            return Ethtool.txChecksumOffload(VXLAN);
        });

        assertThat(off).isFalse();
        assertThat(on).isTrue();
        assertThatThrownBy(() -> namespace.call(() -> Ethtool.txChecksumOffload(new InterfaceName("none"))))
                .isInstanceOf(NetlinkException.class)
                .hasMessageContaining("of none: ENODEV");
    }

    @Test
    void ruleIsAddedReadAndDeleted() {
        Rule rule = Rule.lookup(IpFamily.IPV4, 512, 1000)
                .from(Cidr.parse("10.1.0.0/16"))
                .to(Cidr.parse("10.2.0.0/16"))
                .input(UPLINK)
                .mark(0x10, 0xf0);
        Rule v6 = Rule.lookup(IpFamily.IPV6, 513, 1001);
        rtnetlink.execute(Requests.add(rule), Requests.add(v6));

        assertThat(rtnetlink.rules(IpFamily.IPV4)).contains(rule);
        assertThat(rtnetlink.rules(IpFamily.IPV6)).contains(v6);
        assertThat(test.ip("rule"))
                .contains("512:\tfrom 10.1.0.0/16 to 10.2.0.0/16 fwmark 0x10/0xf0 iif up0 lookup 1000 proto 107");

        rtnetlink.execute(Requests.delete(rule), Requests.delete(v6));
        assertThat(rtnetlink.rules(IpFamily.IPV4)).hasSize(3).doesNotContain(rule);
    }

    @Test
    void bridgeTakesPortsAndLetsThemGo() {
        InterfaceName name = new InterfaceName("br0");
        rtnetlink.execute(Requests.create(BridgeSpec.of(name)));
        int bridge = rtnetlink.link(name).orElseThrow().index();

        rtnetlink.execute(Requests.change(LinkChange.of(uplink).master(bridge)));
        assertThat(rtnetlink.link(uplink).orElseThrow().master()).contains(bridge);
        assertThat(rtnetlink.fdb(uplink)).isNotEmpty();

        rtnetlink.execute(Requests.change(LinkChange.of(uplink).master(0)));
        assertThat(rtnetlink.link(uplink).orElseThrow().master()).isEmpty();
    }

    @Test
    void linksOfAGroupAreDeletedTogether() {
        for (int i = 0; i < 3; i++) {
            InterfaceName name = new InterfaceName("ik" + i);
            rtnetlink.execute(Requests.create(
                    VethSpec.of(name, new InterfaceName("peer" + i)).group(i == 2 ? 7 : 8)));
        }

        rtnetlink.execute(Requests.deleteLinkGroup(8));

        List<String> left =
                rtnetlink.links().stream().map(link -> link.name().value()).toList();
        assertThat(left).contains("ik2", "peer2", "up0").doesNotContain("ik0", "ik1", "peer0", "peer1");
        assertThatThrownBy(() -> rtnetlink.execute(Requests.deleteLinkGroup(8)))
                .isInstanceOfSatisfying(
                        NetlinkException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENODEV));
    }

    @Test
    void linkIsRenamedAndMovedByItsIndex() {
        try (TestNamespace other = TestNamespace.create();
                NetworkNamespace target = NetworkNamespace.open(other.path());
                Rtnetlink there = Rtnetlink.open(target)) {
            rtnetlink.execute(Requests.change(
                    LinkChange.of(uplink).down().namespace(target).name(new InterfaceName("moved0"))));

            assertThat(rtnetlink.link(UPLINK)).isEmpty();
            assertThat(there.link(new InterfaceName("moved0"))).isPresent();
        }
    }

    @Test
    void chosenIndexesAreTaken() {
        rtnetlink.execute(Requests.create(VethSpec.of(new InterfaceName("a"), new InterfaceName("b"))
                .index(7001)
                .peerIndex(7002)
                .queues(1)));

        assertThat(rtnetlink.link(7001).orElseThrow().name()).hasToString("a");
        assertThat(rtnetlink.link(7002).orElseThrow().name()).hasToString("b");
    }
}
