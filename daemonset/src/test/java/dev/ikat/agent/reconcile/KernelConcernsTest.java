package dev.ikat.agent.reconcile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.cni.PodLink;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Event;
import dev.ikat.netlink.route.FakeNetlink;
import dev.ikat.netlink.route.FdbEntry;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Netconf;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import dev.ikat.netlink.route.Rule;
import dev.ikat.netlink.route.VethSpec;
import dev.ikat.netlink.route.VxlanSpec;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class KernelConcernsTest {
    private static final int TUNNEL = 7;
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final IpAddress POD = IpAddress.parse("10.244.1.5");
    private static final Cidr BLOCK = Cidr.parse("10.244.2.0/24");

    private final FakeNetlink netlink = new FakeNetlink();
    private final KernelConcerns concerns = new KernelConcerns(Set.of(TUNNEL));

    private Link veth(InterfaceName name) {
        netlink.execute(Requests.create(VethSpec.of(name, new InterfaceName("far"))));
        return netlink.link(name).orElseThrow();
    }

    /** The host end of a pod's link. */
    private Link podLink(boolean up) {
        PodLink pod = PodLink.of(new Attachment(new ContainerId("c1"), new InterfaceName("eth0")));
        Link link = veth(pod.hostName());
        netlink.execute(
                Requests.change(LinkChange.of(link.index()).alias(pod.alias()).mac(PodLink.HOST_MAC)));
        if (up) {
            netlink.execute(Requests.change(LinkChange.of(link.index()).up()));
        }
        return netlink.link(link.index()).orElseThrow();
    }

    private Set<Part> of(Event event) {
        return concerns.of(event);
    }

    @Test
    void tunnelConcernsTheOverlay() {
        netlink.execute(Requests.create(VxlanSpec.of(new InterfaceName(LinkNames.OVERLAY), 1, 4789)));
        Link link = netlink.link(new InterfaceName(LinkNames.OVERLAY)).orElseThrow();
        assertThat(of(new Event.LinkEvent(true, link))).containsExactly(Part.OVERLAY);
        assertThat(of(new Event.LinkEvent(false, link))).containsExactly(Part.OVERLAY);
    }

    @Test
    void otherLinksMayBeTheUplink() {
        assertThat(of(new Event.LinkEvent(true, veth(new InterfaceName("eth0")))))
                .isEqualTo(KernelWatch.NODE_CHANGE);
    }

    @Test
    void podThatComesConcernsNobodyAndOneThatGoesThePods() {
        Link up = podLink(true);
        assertThat(of(new Event.LinkEvent(true, up))).isEmpty();
        assertThat(of(new Event.LinkEvent(false, up))).containsExactly(Part.PODS);
    }

    @Test
    void podWhoseLinkIsDownConcernsThePods() {
        assertThat(of(new Event.LinkEvent(true, podLink(false)))).containsExactly(Part.PODS);
    }

    @Test
    void podWhoseLinkLayerAddressSomebodyChangedConcernsThePods() {
        Link link = podLink(true);
        netlink.execute(Requests.change(LinkChange.of(link.index()).mac(MacAddress.parse("02:00:00:00:00:09"))));
        Link changed = netlink.link(link.index()).orElseThrow();

        assertThat(of(new Event.LinkEvent(true, changed))).containsExactly(Part.PODS);
    }

    @Test
    void linkThatIsStillBeingMadeIntoAPodsConcernsNobody() {
        InterfaceName name = PodLink.of(new Attachment(new ContainerId("c1"), new InterfaceName("eth0")))
                .hostName();
        assertThat(of(new Event.LinkEvent(true, veth(name)))).isEmpty();
    }

    @Test
    void addressMayBeTheNodes() {
        Address address = Address.of(3, InterfaceAddress.parse("192.0.2.1/24"));
        assertThat(of(new Event.AddressEvent(true, address))).isEqualTo(KernelWatch.NODE_CHANGE);
        assertThat(of(new Event.AddressEvent(false, address))).isEqualTo(KernelWatch.NODE_CHANGE);
    }

    @Test
    void ownRoutesToOtherNodesConcernTheOverlay() {
        Route route = Route.to(BLOCK).link(3).via(IpAddress.parse("192.0.2.2"));
        assertThat(of(new Event.RouteEvent(true, route))).containsExactly(Part.OVERLAY);
        assertThat(of(new Event.RouteEvent(false, route))).containsExactly(Part.OVERLAY);
        assertThat(of(new Event.RouteEvent(false, Route.to(BLOCK).type(RouteType.UNREACHABLE))))
                .containsExactly(Part.OVERLAY);
    }

    @Test
    void ownRouteToAPodConcernsThePodsWhenItGoes() {
        Route route = Route.to(Cidr.host(POD)).link(9);
        assertThat(of(new Event.RouteEvent(true, route))).isEmpty();
        assertThat(of(new Event.RouteEvent(false, route))).containsExactly(Part.PODS);
    }

    @Test
    void routesOfOthersConcernNobody() {
        Route route = Route.to(BLOCK).link(3).via(IpAddress.parse("192.0.2.2")).protocol(RouteProtocol.KERNEL);
        assertThat(of(new Event.RouteEvent(false, route))).isEmpty();
    }

    @Test
    void permanentNeighboursConcernWhoseLinkTheyAreOn() {
        Neighbour pod = Neighbour.permanent(9, POD, MAC);
        assertThat(of(new Event.NeighbourEvent(true, pod))).isEmpty();
        assertThat(of(new Event.NeighbourEvent(false, pod))).containsExactly(Part.PODS);
        assertThat(of(new Event.NeighbourEvent(true, Neighbour.permanent(TUNNEL, POD, MAC))))
                .containsExactly(Part.OVERLAY);
    }

    @Test
    void learnedNeighboursConcernNobody() {
        Neighbour learned = new Neighbour(TUNNEL, POD, Optional.of(MAC), Neighbour.REACHABLE, 0);
        assertThat(of(new Event.NeighbourEvent(false, learned))).isEmpty();
    }

    @Test
    void forwardingEntriesOfTheTunnelConcernTheOverlay() {
        assertThat(of(new Event.FdbEvent(false, FdbEntry.permanent(TUNNEL, MAC, POD))))
                .containsExactly(Part.OVERLAY);
        assertThat(of(new Event.FdbEvent(false, FdbEntry.permanent(9, MAC, POD))))
                .isEmpty();
    }

    @Test
    void tunnelThatIsMadeAnewIsKnownByItsNewIndex() {
        netlink.execute(Requests.create(VxlanSpec.of(new InterfaceName(LinkNames.OVERLAY), 1, 4789)));
        Link made = netlink.link(new InterfaceName(LinkNames.OVERLAY)).orElseThrow();
        FdbEntry entry = FdbEntry.permanent(made.index(), MAC, POD);
        assertThat(of(new Event.FdbEvent(false, entry))).isEmpty();
        concerns.of(new Event.LinkEvent(true, made));
        assertThat(of(new Event.FdbEvent(false, entry))).containsExactly(Part.OVERLAY);
        concerns.of(new Event.LinkEvent(false, made));
        assertThat(of(new Event.FdbEvent(false, entry))).isEmpty();
    }

    @Test
    void rulesConcernNobody() {
        assertThat(of(new Event.RuleEvent(true, Rule.lookup(IpFamily.IPV4, 77, 300))))
                .isEmpty();
    }

    private static Event settings(
            IpFamily family, int index, Optional<Boolean> forwarding, int reversePathFilter, boolean proxy) {
        return new Event.NetconfEvent(
                true,
                new Netconf(
                        family,
                        index,
                        forwarding,
                        reversePathFilter == 0 ? Optional.empty() : Optional.of(reversePathFilter),
                        proxy ? Optional.of(true) : Optional.empty()));
    }

    @ParameterizedTest
    @EnumSource(IpFamily.class)
    void hostThatDoesNotForwardAnyMoreConcernsForwarding(IpFamily family) {
        assertThat(of(settings(family, Netconf.ALL, Optional.of(false), 0, false)))
                .containsExactly(Part.FORWARDING);
        assertThat(of(settings(family, Netconf.ALL, Optional.of(true), 0, false)))
                .isEmpty();
    }

    @Test
    void settingsOfTheTunnelConcernTheOverlayAndThoseOfOtherLinksThePods() {
        assertThat(of(settings(IpFamily.IPV4, TUNNEL, Optional.empty(), 1, false)))
                .containsExactly(Part.OVERLAY);
        for (Event event : List.of(
                settings(IpFamily.IPV4, 9, Optional.of(false), 0, false),
                settings(IpFamily.IPV4, 9, Optional.empty(), 1, false),
                settings(IpFamily.IPV6, 9, Optional.empty(), 0, true))) {
            assertThat(of(event)).containsExactlyInAnyOrder(Part.FORWARDING, Part.PODS);
        }
    }

    @Test
    void settingsThatDoNoHarmAndThoseOfNewLinksConcernNobody() {
        assertThat(of(settings(IpFamily.IPV4, 9, Optional.of(true), 0, false))).isEmpty();
        assertThat(of(settings(IpFamily.IPV4, 9, Optional.empty(), 2, false))).isEmpty();
        assertThat(of(new Event.NetconfEvent(
                        true, new Netconf(IpFamily.IPV4, 9, Optional.of(true), Optional.of(1), Optional.of(true)))))
                .isEmpty();
        assertThat(of(new Event.NetconfEvent(
                        false, new Netconf(IpFamily.IPV4, 9, Optional.empty(), Optional.empty(), Optional.empty()))))
                .isEmpty();
    }

    @Test
    void lostNewsConcernEverybody() {
        assertThat(of(new Event.Resync("the buffer was full"))).isEqualTo(EnumSet.allOf(Part.class));
    }
}
