package dev.ikat.agent.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.overlay.NodeFault;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.cni.CniResult;
import dev.ikat.cni.CniVersion;
import dev.ikat.cni.NetworkConfig;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseState;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.BridgeSpec;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteProtocol;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Addresses that the host has for itself. */
class HeldAddressesTest extends NodeNetworkKeeperScene {
    private void link(String name, String address) {
        InterfaceName link = new InterfaceName(name);
        netlink.execute(
                Requests.create(BridgeSpec.of(link)),
                Requests.change(LinkChange.of(link).up()));
        if (!address.isEmpty()) {
            int index = netlink.link(link).orElseThrow().index();
            netlink.execute(Requests.add(Address.of(index, InterfaceAddress.parse(address))));
        }
    }

    private Route foreignRoute(String destination, String link) {
        return Route.to(Cidr.parse(destination))
                .link(netlink.link(new InterfaceName(link)).orElseThrow().index())
                .protocol(RouteProtocol.BOOT);
    }

    private boolean isGiven(String address) {
        return network.nodePlan().orElseThrow().ranges().stream()
                .anyMatch(range -> range.contains(IpAddress.parse(address)));
    }

    @Test
    void addressThatALinkOfTheHostHasIsGivenToNoPodUntilTheLinkIsGone() {
        link("cni0", "10.244.1.1/24");
        known();
        assertThat(isGiven("10.244.1.1")).isFalse();
        assertThat(isGiven("10.244.1.2")).isTrue();
        assertThat(faults.all())
                .singleElement()
                .returns("a", NodeFault::node)
                .returns(NodeFault.Cause.ADDRESS_HELD, NodeFault::cause)
                .extracting(NodeFault::text)
                .isEqualTo("address 10.244.1.1 of pod CIDR 10.244.1.0/24 is that of this host's link cni0, so no pod is"
                        + " given it; flannel or the bridge plugin has probably left the link, which can be removed:"
                        + " ip link delete cni0 ('ikat-agent migrate --from flannel --check' lists all that it left)");

        netlink.execute(Requests.deleteLink(new InterfaceName("cni0")));
        run(Part.NODE);
        assertThat(isGiven("10.244.1.1")).isTrue();
        assertThat(faults.all()).isEmpty();
    }

    @Test
    void endsOfASubnetWithinThePodCidrAreNotGivenEither() {
        link("br9", "10.244.1.65/26");
        known();
        assertThat(Stream.of("10.244.1.64", "10.244.1.65", "10.244.1.127").filter(this::isGiven))
                .isEmpty();
        assertThat(isGiven("10.244.1.66")).isTrue();
        assertThat(faults.all())
                .singleElement()
                .asString()
                .endsWith("give the node another pod CIDR, or remove the address: ip address del 10.244.1.65/26 dev"
                        + " br9");
    }

    @Test
    void podThatHasAnAddressOfTheHostsIsNamed() {
        leases.add(new Lease(
                new Attachment(new ContainerId("c1"), new InterfaceName("eth0")),
                new NetworkName("ikat"),
                Optional.of(PodName.parse("default/web")),
                List.of(IpAddress.parse("10.244.1.1")),
                LeaseState.ACTIVE,
                Instant.EPOCH,
                1));
        link("cni0", "10.244.1.1/24");
        known();
        assertThat(faults.all()).singleElement().asString().contains("pod default/web was given it before");
    }

    @Test
    void routersOfTheHostAreNotGiven() {
        link("wan", "10.244.0.5/16");
        netlink.execute(Requests.add(foreignRoute("0.0.0.0/0", "wan").via(IpAddress.parse("10.244.1.9"))));
        known();
        assertThat(isGiven("10.244.1.9")).isFalse();
        assertThat(faults.all())
                .singleElement()
                .asString()
                .contains("10.244.1.9 of pod CIDR 10.244.1.0/24 is a router of this host", "default via 10.244.1.9");
    }

    @Test
    void addressesOfAFormerPluginsPodsAreNotGivenAndAreOneFault() {
        link("cali1", "");
        netlink.execute(
                Requests.add(foreignRoute("10.244.1.7/32", "cali1")),
                Requests.add(foreignRoute("10.244.1.8/32", "cali1")));
        known();
        assertThat(Stream.of("10.244.1.7", "10.244.1.8").filter(this::isGiven)).isEmpty();
        assertThat(faults.all())
                .singleElement()
                .asString()
                .contains("10.244.1.7", "by Calico, and so are 1 more", "ip link delete cali1");
    }

    @Test
    void rangesOfANetworkConfigurationGoWithoutTheHostsAddressesToo() {
        link("cni-podman0", "10.88.0.1/16");
        known();
        NetworkConfig config = new NetworkConfig(
                CniVersion.NEWEST,
                new NetworkName("other"),
                false,
                Optional.empty(),
                Optional.of(AddressPlan.of(Cidr.parse("10.88.0.0/24"))),
                List.of(),
                CniResult.Dns.NONE,
                Optional.empty(),
                Optional.empty());
        assertThat(network.addressPlan(config).ranges().getFirst().contains(IpAddress.parse("10.88.0.1")))
                .isFalse();
    }

    @Test
    void nodeOfWhosePodCidrTheHostHasAllIsNotReady() {
        link("cni0", "10.244.1.1/24");
        cluster.with(node("a", "192.168.0.1", "10.244.1.1/32"));
        assertNotYet(Part.NODE, "this host has a whole pod CIDR for itself");
    }
}
