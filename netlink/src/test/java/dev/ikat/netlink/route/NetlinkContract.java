package dev.ikat.netlink.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the network configuration of a namespace does when it is asked to, the kernel's and the one in memory. */
abstract class NetlinkContract {
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final InterfaceName FIRST = new InterfaceName("up0");
    private static final InterfaceName SECOND = new InterfaceName("up1");
    private static final InterfaceName TUNNEL = new InterfaceName("vx0");
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final Cidr BLOCK = Cidr.parse("10.7.0.0/16");
    private static final IpAddress GATEWAY = IpAddress.parse("192.0.2.2");
    private static final int NOBODY = 999_999;

    private final List<Event> unseen = new ArrayList<>();
    private Netlink netlink;
    private int first;

    /** A namespace with nothing but its loopback. */
    abstract Netlink open();

    /** Listens to all that changes there from now on. */
    abstract RouteEvents listen();

    /** A veth pair whose ends are up, the first one with an address. */
    @BeforeEach
    void makeLinks() {
        netlink = open();
        netlink.execute(
                Requests.create(VethSpec.of(FIRST, SECOND).mac(MAC)),
                Requests.change(LinkChange.of(FIRST).up()),
                Requests.change(LinkChange.of(SECOND).up()));
        first = index(FIRST);
        netlink.execute(Requests.add(Address.of(first, InterfaceAddress.parse("192.0.2.1/24"))));
    }

    private int index(InterfaceName name) {
        return netlink.link(name).orElseThrow().index();
    }

    private Link first() {
        return netlink.link(first).orElseThrow();
    }

    private void assertRefused(int errno, Request request) {
        assertThatThrownBy(() -> netlink.execute(request))
                .isInstanceOfSatisfying(
                        NetlinkException.class,
                        refused -> assertThat(refused.errnoName()).isEqualTo(Errno.name(errno)))
                .hasMessageStartingWith(request.toString());
        netlink.execute(request.ignoring(errno));
    }

    @Test
    void ipv4SettingsAreThoseThatWereSet() {
        netlink.execute(
                Requests.change(LinkChange.of(first).ipv4(Map.of(Ipv4Setting.RP_FILTER, 2, Ipv4Setting.PROXY_ARP, 1))));
        assertThat(first().settings().value(Ipv4Setting.RP_FILTER)).contains(2);
        assertThat(first().settings().value(Ipv4Setting.PROXY_ARP)).contains(1);
        netlink.execute(Requests.change(LinkChange.of(first).ipv4(Map.of(Ipv4Setting.RP_FILTER, 0))));
        assertThat(first().settings().value(Ipv4Setting.RP_FILTER)).contains(0);
        assertThat(first().settings().value(Ipv4Setting.PROXY_ARP)).contains(1);
    }

    @Test
    void linkIsFoundByNameIndexAndAmongAll() {
        assertThat(netlink.links()).contains(first()).anyMatch(Link::isLoopback);
        assertThat(netlink.link(FIRST)).contains(first());
        assertThat(netlink.link(new InterfaceName("none"))).isEmpty();
        assertThat(netlink.link(NOBODY)).isEmpty();
        assertThat(first().isKind("veth")).isTrue();
        assertThat(first().mac()).contains(MAC);
        assertThat(first().mtu()).isEqualTo(1500);
        assertThat(first().isUp()).isTrue();
        assertThat(first().peerIndex()).contains(index(SECOND));
    }

    @Test
    void nameIsGivenOnce() {
        assertRefused(Errno.EEXIST, Requests.create(VethSpec.of(FIRST, new InterfaceName("other"))));
        assertRefused(Errno.EEXIST, Requests.create(VethSpec.of(new InterfaceName("other"), SECOND)));
        assertRefused(Errno.EEXIST, Requests.addAlternativeName(first, SECOND.value()));
        netlink.execute(Requests.addAlternativeName(first, "further"));
        assertThat(first().alternativeNames()).containsExactly("further");
        assertRefused(Errno.EEXIST, Requests.addAlternativeName(index(SECOND), "further"));
    }

    @Test
    void indexIsGivenOnce() {
        VethSpec pair = VethSpec.of(new InterfaceName("a"), new InterfaceName("b"));
        assertRefused(Errno.EEXIST, Requests.create(pair.index(first)));
        assertRefused(Errno.EBUSY, Requests.create(pair.index(4711).peerIndex(first)));
        netlink.execute(Requests.create(pair.index(4711).peerIndex(4712)));
        assertThat(index(pair.name())).isEqualTo(4711);
        assertThat(index(pair.peerName())).isEqualTo(4712);
    }

    @Test
    void linkIsChanged() {
        MacAddress other = MacAddress.parse("02:00:00:00:00:09");
        netlink.execute(
                Requests.change(LinkChange.of(first).mtu(1400).alias("ikat:c1/eth0")),
                Requests.change(LinkChange.of(first).mac(other).group(7)),
                Requests.change(LinkChange.of(first).inet6AddrGenMode(AddrGenMode.NONE)),
                Requests.change(LinkChange.of(first).down()),
                Requests.change(LinkChange.of(first).name(new InterfaceName("renamed"))));
        assertThat(first().name().value()).isEqualTo("renamed");
        assertThat(first().mtu()).isEqualTo(1400);
        assertThat(first().alias()).contains("ikat:c1/eth0");
        assertThat(first().mac()).contains(other);
        assertThat(first().group()).isEqualTo(7);
        assertThat(first().addrGenMode()).contains(AddrGenMode.NONE);
        assertThat(first().isUp()).isFalse();
        assertRefused(Errno.ENODEV, Requests.change(LinkChange.of(NOBODY).up()));
    }

    @Test
    void deletedLinkTakesItsOtherEndAndAllThatIsOnIt() {
        netlink.execute(
                Requests.add(Route.to(BLOCK).link(first).via(GATEWAY)),
                Requests.add(Neighbour.permanent(first, GATEWAY, MAC)),
                Requests.deleteLink(first));
        assertThat(netlink.link(FIRST)).isEmpty();
        assertThat(netlink.link(SECOND)).isEmpty();
        assertThat(netlink.addresses(first)).isEmpty();
        assertThat(netlink.neighbours(IpFamily.IPV4, first)).isEmpty();
        assertThat(netlink.routes(IpFamily.IPV4, RouteFilter.ALL.table(Route.TABLE_MAIN)))
                .isEmpty();
        assertRefused(Errno.ENODEV, Requests.deleteLink(first));
        assertRefused(Errno.ENODEV, Requests.deleteLink(FIRST));
    }

    @Test
    void groupIsDeletedAtOnce() {
        netlink.execute(
                Requests.create(VethSpec.of(new InterfaceName("a"), new InterfaceName("b"))
                        .group(7)),
                Requests.create(VethSpec.of(new InterfaceName("c"), new InterfaceName("d"))
                        .group(7)),
                Requests.deleteLinkGroup(7));
        assertThat(netlink.links()).extracting(link -> link.name().value()).containsOnly("lo", "up0", "up1");
        assertRefused(Errno.ENODEV, Requests.deleteLinkGroup(7));
    }

    @Test
    void addressIsOnALinkOnce() {
        Address address = Address.of(first, InterfaceAddress.parse("192.0.2.9/32"));
        netlink.execute(Requests.add(address));
        assertRefused(Errno.EEXIST, Requests.add(address));
        netlink.execute(Requests.replace(address));
        assertThat(netlink.addresses(first))
                .filteredOn(found -> found.address().equals(address.address()))
                .singleElement()
                .satisfies(found -> assertThat(found.has(Address.PERMANENT)).isTrue());
        assertThat(netlink.addresses()).containsAll(netlink.addresses(first));

        netlink.execute(Requests.delete(address));
        assertRefused(Errno.EADDRNOTAVAIL, Requests.delete(address));
        assertThat(netlink.addresses(first)).noneMatch(found -> found.address().equals(address.address()));
        assertRefused(Errno.ENODEV, Requests.add(Address.of(NOBODY, address.address())));
        assertThat(netlink.addresses(NOBODY)).isEmpty();
    }

    private List<Route> own(IpFamily family) {
        return netlink.routes(family, RouteFilter.ALL.protocol(RouteProtocol.IKAT));
    }

    @Test
    void routeIsThereOnceAndReadBackAsItWasMade() {
        Route route = Route.to(BLOCK).link(first).via(GATEWAY);
        netlink.execute(Requests.add(route));
        assertThat(own(IpFamily.IPV4)).containsExactly(route);
        assertThat(netlink.routes(IpFamily.IPV4, RouteFilter.ALL.link(first).table(Route.TABLE_MAIN)))
                .contains(route);
        assertThat(netlink.routes(IpFamily.IPV4, RouteFilter.ALL.link(index(SECOND))))
                .doesNotContain(route);
        assertThat(netlink.routes(IpFamily.IPV4, RouteFilter.ALL.table(4711))).isEmpty();
        assertRefused(Errno.EEXIST, Requests.add(route));
        assertRefused(Errno.EEXIST, Requests.add(Route.to(BLOCK).link(first)));

        Route other = Route.to(BLOCK).link(first).via(IpAddress.parse("192.0.2.3"));
        netlink.execute(Requests.replace(other), Requests.add(route.metric(5)));
        assertThat(own(IpFamily.IPV4)).containsExactlyInAnyOrder(other, route.metric(5));

        netlink.execute(Requests.delete(other), Requests.delete(route.metric(5)));
        assertRefused(Errno.ESRCH, Requests.delete(other));
        assertThat(own(IpFamily.IPV4)).isEmpty();
    }

    @Test
    void routeNeedsALinkThatIsUpAndAGatewayOnIt() {
        assertRefused(Errno.ENODEV, Requests.add(Route.to(BLOCK).link(NOBODY)));
        IpAddress far = IpAddress.parse("198.51.100.1");
        assertRefused(
                Errno.ENETUNREACH, Requests.add(Route.to(BLOCK).link(first).via(far)));
        netlink.execute(Requests.add(Route.to(BLOCK).link(first).viaOnlink(far)));
        assertThat(own(IpFamily.IPV4))
                .containsExactly(Route.to(BLOCK).link(first).viaOnlink(far));

        netlink.execute(Requests.change(LinkChange.of(first).down()));
        assertThat(own(IpFamily.IPV4)).isEmpty();
        assertRefused(Errno.ENETDOWN, Requests.add(Route.to(BLOCK).link(first)));
    }

    @Test
    void routeThatLeadsNowhereIsShownOnTheLoopbackInIpv6() {
        Cidr block = Cidr.parse("fd00:7::/64");
        Route v4 = Route.to(BLOCK).type(RouteType.UNREACHABLE).scope(Scope.UNIVERSE);
        Route v6 = Route.to(block).type(RouteType.UNREACHABLE);
        netlink.execute(Requests.add(v4), Requests.add(v6));
        assertThat(own(IpFamily.IPV4)).containsExactly(v4);
        assertThat(own(IpFamily.IPV6)).containsExactly(v6.link(1));
        netlink.execute(Requests.delete(v4), Requests.delete(v6));
        assertThat(own(IpFamily.IPV6)).isEmpty();
    }

    @Test
    void neighbourIsThereOnce() {
        Neighbour neighbour = Neighbour.permanent(first, GATEWAY, MAC);
        netlink.execute(Requests.add(neighbour));
        assertThat(netlink.neighbours(IpFamily.IPV4, first)).containsExactly(neighbour);
        assertThat(netlink.neighbours(IpFamily.IPV4, index(SECOND))).isEmpty();
        assertRefused(Errno.EEXIST, Requests.add(neighbour));
        Neighbour moved = Neighbour.permanent(first, GATEWAY, MacAddress.parse("02:00:00:00:00:05"));
        netlink.execute(Requests.replace(moved));
        assertThat(netlink.neighbours(IpFamily.IPV4, first)).containsExactly(moved);
        netlink.execute(Requests.delete(moved));
        assertRefused(Errno.ENOENT, Requests.delete(moved));
        assertRefused(Errno.ENODEV, Requests.add(Neighbour.permanent(NOBODY, GATEWAY, MAC)));
        assertThat(netlink.neighbours(IpFamily.IPV4, NOBODY)).isEmpty();
    }

    @Test
    void tunnelForwardsToWhereItsEntriesSay() {
        netlink.execute(Requests.create(VxlanSpec.of(TUNNEL, 4796, 8472)
                .local(IpAddress.parse("192.0.2.1"))
                .mac(MAC)
                .mtu(1450)));
        Link link = netlink.link(TUNNEL).orElseThrow();
        assertThat(link.vxlan())
                .contains(new Vxlan(4796, 8472, Optional.of(IpAddress.parse("192.0.2.1")), Optional.empty(), false));
        assertThat(link.mtu()).isEqualTo(1450);
        assertThat(link.isUp()).isFalse();
        int tunnel = link.index();
        FdbEntry entry = FdbEntry.permanent(tunnel, MacAddress.parse("02:00:00:00:00:07"), GATEWAY);
        FdbEntry moved = FdbEntry.permanent(tunnel, entry.mac(), IpAddress.parse("192.0.2.3"));
        FdbEntry others = FdbEntry.permanent(tunnel, MacAddress.parse("00:00:00:00:00:00"), GATEWAY);

        netlink.execute(Requests.append(entry), Requests.append(others), Requests.append(others));
        assertRefused(Errno.EOPNOTSUPP, Requests.replace(others));
        netlink.execute(Requests.replace(moved));
        assertThat(netlink.fdb(tunnel)).containsExactlyInAnyOrder(moved, others);

        netlink.execute(Requests.delete(moved));
        assertRefused(Errno.ENOENT, Requests.delete(moved));
        assertThat(netlink.fdb(NOBODY)).isEmpty();
    }

    @Test
    void eachRequestOfABatchIsTriedAndTheFirstRefusalIsThrownWithTheOthers() {
        Route route = Route.to(BLOCK).link(first).via(GATEWAY);
        NetlinkException refused = catchThrowableOfType(
                NetlinkException.class,
                () -> netlink.execute(
                        Requests.deleteLink(NOBODY).ignoring(Errno.ENODEV),
                        Requests.deleteLink(NOBODY),
                        Requests.add(route),
                        Requests.add(route)));
        assertThat(refused.errno()).isEqualTo(Errno.ENODEV);
        assertThat(refused.requestIndex()).hasValue(1);
        assertThat(refused.getSuppressed()).singleElement().isInstanceOfSatisfying(NetlinkException.class, other -> {
            assertThat(other.errno()).isEqualTo(Errno.EEXIST);
            assertThat(other.requestIndex()).hasValue(3);
        });
        assertThat(own(IpFamily.IPV4)).containsExactly(route);
    }

    @Test
    void changesAreTold() {
        try (RouteEvents events = listen()) {
            Address address = Address.of(first, InterfaceAddress.parse("192.0.2.9/32"));
            Route route = Route.to(BLOCK).link(first).via(GATEWAY);
            Neighbour neighbour = Neighbour.permanent(first, GATEWAY, MAC);
            netlink.execute(
                    Requests.change(LinkChange.of(first).mtu(1400)),
                    Requests.add(address),
                    Requests.add(route),
                    Requests.add(neighbour),
                    Requests.delete(neighbour),
                    Requests.delete(route),
                    Requests.delete(address),
                    Requests.deleteLink(first));
            awaitEvent(
                    events,
                    event -> event instanceof Event.LinkEvent(boolean present, Link link)
                            && present
                            && link.index() == first
                            && link.mtu() == 1400);
            awaitEvent(
                    events,
                    event -> event instanceof Event.AddressEvent(boolean present, Address found)
                            && present
                            && found.address().equals(address.address()));
            awaitEvent(events, new Event.RouteEvent(true, route)::equals);
            awaitEvent(events, new Event.NeighbourEvent(true, neighbour)::equals);
            awaitEvent(events, new Event.RouteEvent(false, route)::equals);
            awaitEvent(
                    events,
                    event -> event instanceof Event.AddressEvent(boolean present, Address found)
                            && !present
                            && found.address().equals(address.address()));
            awaitEvent(
                    events,
                    event -> event instanceof Event.LinkEvent(boolean present, Link link)
                            && !present
                            && link.index() == first);
        }
    }

    private void awaitEvent(RouteEvents events, Predicate<Event> wanted) {
        List<Event> seen = new ArrayList<>();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            while (!unseen.isEmpty()) {
                Event event = unseen.removeFirst();
                seen.add(event);
                if (wanted.test(event)) {
                    return;
                }
            }
            assertThat(System.nanoTime() - end).as("nothing but %s came", seen).isNegative();
            unseen.addAll(events.poll(PATIENCE));
        }
    }

    @Test
    void closedListenerHearsNothingMore() {
        RouteEvents events = listen();
        events.close();
        events.close();
        assertThatThrownBy(() -> events.poll(Duration.ZERO)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void nothingIsDoneByWhatWasClosed() {
        netlink.close();
        netlink.close();
        assertThatThrownBy(() -> netlink.execute(Requests.deleteLink(first))).isInstanceOf(IllegalStateException.class);
    }
}
