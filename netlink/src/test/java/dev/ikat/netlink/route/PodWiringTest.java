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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Wires a pod as the plugin does, and has iproute2 tell what came of it. */
@RequiresRoot
class PodWiringTest {
    private static final InterfaceName HOST_LINK = new InterfaceName("ik0123456789a");
    private static final InterfaceName POD_LINK = new InterfaceName("eth0");
    private static final MacAddress HOST_MAC = MacAddress.parse("ee:ee:ee:ee:ee:ee");
    private static final MacAddress POD_MAC = MacAddress.parse("0e:6b:0a:01:00:05");
    private static final IpAddress POD_V4 = IpAddress.parse("10.1.0.5");
    private static final IpAddress POD_V6 = IpAddress.parse("fd00:1::5");
    private static final IpAddress GATEWAY_V4 = IpAddress.parse("169.254.1.1");
    private static final IpAddress GATEWAY_V6 = IpAddress.parse("fe80::1");

    private final TestNamespace hostNamespace = TestNamespace.create();
    private final TestNamespace podNamespace = TestNamespace.create();
    private final NetworkNamespace hostNetwork = NetworkNamespace.open(hostNamespace.path());
    private final NetworkNamespace podNetwork = NetworkNamespace.open(podNamespace.path());
    private final Rtnetlink host = Rtnetlink.open(hostNetwork);
    private final Rtnetlink pod = Rtnetlink.open(podNetwork);

    @BeforeEach
    void wire() {
        host.execute(
                Requests.create(VethSpec.of(HOST_LINK, POD_LINK)
                        .peerNamespace(podNetwork)
                        .mac(HOST_MAC)
                        .peerMac(POD_MAC)
                        .mtu(1450)
                        .gsoMaxSize(196608)),
                Requests.change(LinkChange.of(HOST_LINK)
                        .alias("ikat:c1/eth0")
                        .inet6AddrGenMode(AddrGenMode.NONE)
                        .up()));
        int podIndex = pod.link(POD_LINK).orElseThrow().index();
        pod.execute(
                Requests.change(LinkChange.of(podIndex).up()),
                Requests.add(Address.of(podIndex, InterfaceAddress.host(POD_V4))),
                Requests.add(Address.of(podIndex, InterfaceAddress.host(POD_V6)).flags(Address.NODAD)),
                Requests.add(Neighbour.permanent(podIndex, GATEWAY_V4, HOST_MAC)),
                Requests.add(Neighbour.permanent(podIndex, GATEWAY_V6, HOST_MAC)),
                Requests.add(Route.to(Cidr.all(IpFamily.IPV4)).link(podIndex).viaOnlink(GATEWAY_V4)),
                Requests.add(Route.to(Cidr.all(IpFamily.IPV6)).link(podIndex).via(GATEWAY_V6)));
        int hostIndex = host.link(HOST_LINK).orElseThrow().index();
        host.execute(
                Requests.add(Neighbour.permanent(hostIndex, POD_V4, POD_MAC)),
                Requests.add(Neighbour.permanent(hostIndex, POD_V6, POD_MAC)),
                Requests.add(Route.to(Cidr.host(POD_V4)).link(hostIndex)),
                Requests.add(Route.to(Cidr.host(POD_V6)).link(hostIndex)));
    }

    @AfterEach
    void close() {
        host.close();
        pod.close();
        hostNetwork.close();
        podNetwork.close();
        podNamespace.close();
        hostNamespace.close();
    }

    @Test
    void hostLinkIsUpWithItsAddressMtuAndAlias() {
        Json link = hostNamespace.ipJson("link", "show", HOST_LINK.value()).get(0);

        assertThat(link.get("address").text()).isEqualTo("ee:ee:ee:ee:ee:ee");
        assertThat(link.get("mtu").number()).isEqualTo(1450);
        assertThat(link.get("gso_max_size").number()).isEqualTo(196608);
        assertThat(link.get("ifalias").text()).isEqualTo("ikat:c1/eth0");
        assertThat(link.get("inet6_addr_gen_mode").text()).isEqualTo("none");
        assertThat(link.get("operstate").text()).isEqualTo("UP");
    }

    @Test
    void hostLinkHasNoIpv6LinkLocalAddress() {
        assertThat(hostNamespace.ip("-6", "addr", "show", HOST_LINK.value())).isBlank();
    }

    @Test
    void peerNeverWasInTheHostNamespace() {
        assertThat(hostNamespace.linkNames()).containsExactly("lo", HOST_LINK.value());
        assertThat(podNamespace.linkNames()).containsExactly("lo", "eth0");
    }

    @Test
    void podHasItsAddressesAtOnce() {
        String addresses = podNamespace.ip("-o", "addr", "show", "eth0");

        assertThat(addresses).contains("inet 10.1.0.5/32").contains("inet6 fd00:1::5/128");
        assertThat(addresses.lines().filter(line -> line.contains("fd00:1::5")))
                .noneMatch(line -> line.contains("tentative"));
    }

    @Test
    void podRoutesByTheGatewaysOnly() {
        assertThat(podNamespace.ip("route").strip()).isEqualTo("default via 169.254.1.1 dev eth0 proto 107 onlink");
        assertThat(podNamespace.ip("-6", "route", "show", "default"))
                .startsWith("default via fe80::1 dev eth0 proto 107 metric 1024");
    }

    @Test
    void hostRoutesToThePod() {
        assertThat(hostNamespace.ip("route").strip()).isEqualTo("10.1.0.5 dev ik0123456789a proto 107 scope link");
        assertThat(hostNamespace.ip("-6", "route", "show", "fd00:1::5"))
                .startsWith("fd00:1::5 dev ik0123456789a proto 107 metric 1024");
    }

    @Test
    void neighboursArePermanentAtBothEnds() {
        assertThat(podNamespace.ip("neigh")).contains("169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT");
        assertThat(podNamespace.ip("neigh")).contains("fe80::1 dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT");
        assertThat(hostNamespace.ip("neigh")).contains("10.1.0.5 dev ik0123456789a lladdr 0e:6b:0a:01:00:05 PERMANENT");
        assertThat(hostNamespace.ip("neigh"))
                .contains("fd00:1::5 dev ik0123456789a lladdr 0e:6b:0a:01:00:05 PERMANENT");
    }

    @Test
    void whatWasWrittenIsWhatIsReadBack() {
        int hostIndex = host.link(HOST_LINK).orElseThrow().index();
        int podIndex = pod.link(POD_LINK).orElseThrow().index();

        assertThat(host.routes(IpFamily.IPV4, hostIndex))
                .containsExactly(Route.to(Cidr.host(POD_V4)).link(hostIndex));
        assertThat(host.routes(IpFamily.IPV6, hostIndex))
                .contains(Route.to(Cidr.host(POD_V6)).link(hostIndex));
        assertThat(pod.routes(IpFamily.IPV4, podIndex))
                .contains(Route.to(Cidr.all(IpFamily.IPV4)).link(podIndex).viaOnlink(GATEWAY_V4));
        assertThat(pod.routes(IpFamily.IPV6, podIndex))
                .contains(Route.to(Cidr.all(IpFamily.IPV6)).link(podIndex).via(GATEWAY_V6));
        assertThat(host.neighbours(IpFamily.IPV4, hostIndex))
                .containsExactly(Neighbour.permanent(hostIndex, POD_V4, POD_MAC));
        assertThat(host.neighbours(IpFamily.IPV6, hostIndex)).contains(Neighbour.permanent(hostIndex, POD_V6, POD_MAC));
        assertThat(pod.addresses(podIndex))
                .contains(Address.of(podIndex, InterfaceAddress.host(POD_V4)).flags(Address.PERMANENT))
                .contains(Address.of(podIndex, InterfaceAddress.host(POD_V6)).flags(Address.PERMANENT | Address.NODAD));
    }

    @Test
    void linkTellsItsPeer() {
        Link link = host.link(HOST_LINK).orElseThrow();

        assertThat(link.isKind("veth")).isTrue();
        assertThat(link.mac()).contains(HOST_MAC);
        assertThat(link.alias()).contains("ikat:c1/eth0");
        assertThat(link.addrGenMode()).contains(AddrGenMode.NONE);
        assertThat(link.operState()).isEqualTo(OperState.UP);
        assertThat(link.peerIndex()).contains(pod.link(POD_LINK).orElseThrow().index());
        assertThat(link.peerNamespaceId()).isPresent();
        assertThat(host.link(link.index())).contains(link);
        assertThat(host.links()).contains(link);
    }

    @Test
    void secondCreateSaysWhatWasThere() {
        assertThatThrownBy(() -> host.execute(Requests.create(VethSpec.of(HOST_LINK, POD_LINK))))
                .isInstanceOfSatisfying(
                        NetlinkException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST))
                .hasMessageContaining("create veth ik0123456789a")
                .hasMessageContaining("EEXIST");
    }

    @Test
    void deletedHostLinkTakesThePodsWithIt() {
        host.execute(Requests.deleteLink(HOST_LINK));

        assertThat(host.link(HOST_LINK)).isEmpty();
        assertThat(pod.link(POD_LINK)).isEmpty();
        assertThatThrownBy(() -> host.execute(Requests.deleteLink(HOST_LINK)))
                .isInstanceOfSatisfying(
                        NetlinkException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENODEV));
    }
}
