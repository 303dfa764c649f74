package dev.ikat.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.netfilter.ConntrackEntry;
import dev.ikat.netlink.netfilter.ConntrackMessage;
import dev.ikat.netlink.netfilter.LogMessage;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.netlink.netfilter.NftablesEvent;
import dev.ikat.netlink.netfilter.NftablesMonitor;
import dev.ikat.netlink.route.AddrGenMode;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.AddressMessage;
import dev.ikat.netlink.route.Event;
import dev.ikat.netlink.route.FdbEntry;
import dev.ikat.netlink.route.Ipv4Setting;
import dev.ikat.netlink.route.Ipv6Setting;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkMessage;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.NeighbourMessage;
import dev.ikat.netlink.route.NextHop;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteMessage;
import dev.ikat.netlink.route.RouteMonitor;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import dev.ikat.netlink.route.Rule;
import dev.ikat.netlink.route.RuleMessage;
import dev.ikat.netlink.route.Scope;
import dev.ikat.netlink.route.Vxlan;
import dev.ikat.netlink.wire.AckMessage;
import dev.ikat.netlink.wire.MessageReader;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Reads what a kernel once said, for machines whose kernel says it differently or where none may be asked. */
class CorpusTest {
    private static final MacAddress PEER_MAC = MacAddress.parse("0e:6b:00:00:00:02");

    @Test
    void links() {
        List<Link> links = Corpus.read("links", LinkMessage::read);

        assertThat(links).extracting(link -> link.name().value()).containsExactly("lo", "br0", "ik0", "vx4");
        Link bridge = links.get(1);
        Link veth = links.get(2);
        Link vxlan = links.get(3);
        assertThat(links.getFirst().isLoopback()).isTrue();
        assertThat(bridge.kind()).contains("bridge");
        assertThat(bridge.settings().value(Ipv4Setting.FORWARDING)).isPresent();
        assertThat(bridge.settings().value(Ipv6Setting.ACCEPT_RA)).contains(1);
        assertThat(veth.kind()).contains("veth");
        assertThat(veth.alias()).contains("ikat:c1/eth0");
        assertThat(veth.group()).isEqualTo(7);
        assertThat(veth.peerIndex()).isPresent();
        assertThat(veth.peerNamespaceId()).contains(0);
        assertThat(vxlan.addrGenMode()).contains(AddrGenMode.NONE);
        assertThat(vxlan.isUp()).isTrue();
        assertThat(vxlan.vxlan())
                .contains(new Vxlan(
                        4796, 8472, Optional.of(IpAddress.parse("192.0.2.1")), Optional.of(bridge.index()), false));
        assertThat(Corpus.read("link", LinkMessage::read)).containsExactly(vxlan);
    }

    @Test
    void addresses() {
        List<Address> addresses = Corpus.read("addresses", AddressMessage::read);

        assertThat(addresses)
                .extracting(address -> address.address().toString())
                .contains("127.0.0.1/8", "::1/128", "192.0.2.1/24", "198.51.100.1/32", "fd00::1/64");
        Address v6 = addresses.stream()
                .filter(address -> address.address().toString().equals("fd00::1/64"))
                .findFirst()
                .orElseThrow();
        assertThat(v6.has(Address.NODAD | Address.PERMANENT)).isTrue();
    }

    @Test
    void ipv4Routes() {
        List<Route> routes = Corpus.read("routes-ipv4", RouteMessage::read);
        int bridge = index("br0");
        int vxlan = index("vx4");

        assertThat(routes)
                .contains(Route.to(Cidr.parse("10.2.0.0/16"))
                        .link(vxlan)
                        .viaOnlink(IpAddress.parse("10.2.0.0"))
                        .preferredSource(IpAddress.parse("192.0.2.1"))
                        .mtu(1400))
                .contains(Route.to(Cidr.all(IpFamily.IPV4))
                        .link(bridge)
                        .via(IpAddress.parse("192.0.2.254"))
                        .metric(50)
                        .protocol(RouteProtocol.BOOT))
                .contains(Route.to(Cidr.parse("10.5.0.0/16"))
                        .type(RouteType.BLACKHOLE)
                        .scope(Scope.UNIVERSE)
                        .table(1000)
                        .protocol(RouteProtocol.BOOT));
        assertThat(routes.stream().filter(route -> !route.multipath().isEmpty()))
                .singleElement()
                .satisfies(route -> assertThat(route.multipath())
                        .containsExactly(
                                new NextHop(Optional.of(IpAddress.parse("192.0.2.8")), bridge, 3, false),
                                new NextHop(Optional.of(IpAddress.parse("192.0.2.9")), bridge, 1, true)));
        assertThat(routes).anyMatch(route -> route.table() == Route.TABLE_LOCAL && route.type() == RouteType.LOCAL);
    }

    @Test
    void ipv6Routes() {
        List<Route> routes = Corpus.read("routes-ipv6", RouteMessage::read);

        assertThat(routes)
                .contains(Route.to(Cidr.parse("fd00:2::/48")).link(index("vx4")).via(IpAddress.parse("fe80::2")));
        assertThat(routes)
                .filteredOn(route -> route.destination().equals(Cidr.parse("fd00:4::/48")))
                .singleElement()
                .extracting(Route::type)
                .isEqualTo(RouteType.UNREACHABLE);
        assertThat(routes)
                .filteredOn(route -> route.destination().equals(Cidr.parse("fd00:3::/48")))
                .singleElement()
                .extracting(route -> route.multipath().size())
                .isEqualTo(2);
    }

    @Test
    void neighbours() {
        int vxlan = index("vx4");

        assertThat(Corpus.read("neighbours-ipv4", NeighbourMessage::read))
                .contains(Neighbour.permanent(vxlan, IpAddress.parse("10.2.0.0"), PEER_MAC))
                .contains(new Neighbour(vxlan, IpAddress.parse("10.2.0.9"), Optional.empty(), Neighbour.FAILED, 0));
        assertThat(Corpus.read("neighbours-ipv6", NeighbourMessage::read))
                .contains(Neighbour.permanent(vxlan, IpAddress.parse("fe80::2"), PEER_MAC));
    }

    @Test
    void forwardingEntries() {
        int vxlan = index("vx4");

        List<FdbEntry> entries = Corpus.read("fdb", NeighbourMessage::readFdb);

        assertThat(entries).allMatch(FdbEntry::isPermanent).allMatch(entry -> entry.interfaceIndex() == vxlan);
        assertThat(entries)
                .extracting(entry -> entry.mac() + " to " + entry.destination().orElseThrow())
                .containsExactlyInAnyOrder("0e:6b:00:00:00:02 to 192.0.2.2", "00:00:00:00:00:00 to 192.0.2.4");
    }

    @Test
    void rules() {
        List<Rule> rules = Corpus.read("rules-ipv4", RuleMessage::read);

        assertThat(rules).extracting(Rule::priority).containsExactly(0, 512, 32766, 32767);
        Rule rule = rules.get(1);
        assertThat(rule.source()).contains(Cidr.parse("10.1.0.0/16"));
        assertThat(rule.inputInterface()).contains(new InterfaceName("br0"));
        assertThat(rule.mark()).contains(0x10);
        assertThat(rule.markMask()).isEqualTo(0xf0);
        assertThat(rule.table()).isEqualTo(1000);
        assertThat(Corpus.read("rules-ipv6", RuleMessage::read))
                .contains(Rule.lookup(IpFamily.IPV6, 514, 1001).to(Cidr.parse("fd00:2::/48")));
    }

    @Test
    void notifications() {
        List<Event> events = Corpus.read("notifications", RouteMonitor::read);

        assertThat(events)
                .hasAtLeastOneElementOfType(Event.LinkEvent.class)
                .hasAtLeastOneElementOfType(Event.AddressEvent.class)
                .hasAtLeastOneElementOfType(Event.RouteEvent.class)
                .hasAtLeastOneElementOfType(Event.NeighbourEvent.class)
                .hasAtLeastOneElementOfType(Event.FdbEvent.class)
                .hasAtLeastOneElementOfType(Event.RuleEvent.class);
        assertThat(events.stream()
                        .filter(event -> event instanceof Event.LinkEvent change && !change.present())
                        .map(event -> ((Event.LinkEvent) event).link().name().value()))
                .containsExactly("vx6");
    }

    @Test
    void connections() {
        List<ConntrackEntry> v4 = Corpus.read("connections-ipv4", ConntrackMessage::read);
        List<ConntrackEntry> v6 = Corpus.read("connections-ipv6", ConntrackMessage::read);

        assertThat(v4).extracting(entry -> entry.original().protocol()).containsExactlyInAnyOrder(1, 6, 6, 17);
        assertThat(v4)
                .filteredOn(entry -> entry.original().destinationPort() == 8080)
                .singleElement()
                .satisfies(entry -> {
                    assertThat(entry.original().destination()).hasToString("10.9.9.9");
                    assertThat(entry.receiver()).hasToString("10.1.0.2");
                    assertThat(entry.receiverPort()).isEqualTo(80);
                });
        assertThat(v6).extracting(entry -> entry.original().protocol()).containsExactlyInAnyOrder(6, 17, 58);
    }

    @Test
    void loggedPackets() {
        List<LoggedPacket> packets = Corpus.read("log", LogMessage::read);

        assertThat(packets).isNotEmpty().allSatisfy(packet -> {
            assertThat(packet.prefix()).isEqualTo("ikat i ik0123456789a");
            assertThat(packet.inputInterface()).isEqualTo(1);
            assertThat(packet.header()).isPresent();
        });
        assertThat(packets)
                .extracting(packet -> packet.header().orElseThrow().protocol())
                .contains(1, 6, 17, 58);
        assertThat(packets).extracting(LoggedPacket::sequence).startsWith(0, 1, 2);
    }

    @Test
    void changesOfNftables() {
        assertThat(Corpus.read("nftables-changes", NftablesMonitor::read))
                .hasSize(8)
                .allSatisfy(event -> assertThat(event)
                        .isInstanceOfSatisfying(
                                NftablesEvent.Generation.class,
                                generation -> assertThat(generation.program()).isEqualTo("nft")));
    }

    @ParameterizedTest
    @CsvSource({
        "acknowledged, 0, ''",
        "refused, 17, ''",
        "refused-attribute, 22, 'mtu less than device minimum'",
        "refused-explained, 19, ''",
    })
    void acknowledgements(String name, int errno, String explanation) {
        MessageReader message = Corpus.reader(Corpus.datagrams(name).getFirst());

        assertThat(message.next()).isTrue();
        assertThat(AckMessage.errno(message)).isEqualTo(errno);
        assertThat(AckMessage.explanation(message)).isEqualTo(explanation);
    }

    private static int index(String name) {
        return Corpus.read("links", LinkMessage::read).stream()
                .filter(link -> link.name().value().equals(name))
                .findFirst()
                .orElseThrow()
                .index();
    }
}
