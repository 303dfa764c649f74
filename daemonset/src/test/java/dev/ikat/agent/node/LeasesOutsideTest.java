package dev.ikat.agent.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.overlay.InForce;
import dev.ikat.agent.overlay.OverlayMode;
import dev.ikat.agent.overlay.OverlaySettings;
import dev.ikat.agent.overlay.Uplink;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import dev.ikat.testbed.host.TestDirectory;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LeasesOutsideTest {
    private static final NetworkName NETWORK = new NetworkName("ikat");
    private static final Cidr FORMER = Cidr.parse("10.244.1.0/24");

    private final TestDirectory directory = TestDirectory.create();
    private final LeaseStore leases = LeaseStore.open(directory.path().resolve("leases"), Clock.systemUTC());
    private Optional<NodeSituation> situation = Optional.empty();
    private final LeasesOutside outside = new LeasesOutside(leases, NETWORK, () -> situation);

    @AfterEach
    void close() {
        leases.close();
        directory.close();
    }

    private void lease(String container, NetworkName network, Optional<PodName> pod) {
        Attachment attachment = new Attachment(new ContainerId(container), new InterfaceName("eth0"));
        leases.allocate(attachment, network, pod, AddressPlan.of(FORMER), List.of());
        leases.activate(attachment);
    }

    private void nodeHas(String podCidr) {
        Node self = new Node("a", Labels.NONE, List.of(Cidr.parse(podCidr)), List.of(IpAddress.parse("192.168.0.1")));
        situation = Optional.of(NodeSituation.of(
                new OverlaySettings(OverlayMode.VXLAN, 4796, 8472, 0, true),
                List.of(self),
                self,
                new Uplink(3, new InterfaceName("eth0"), 1500, List.of(InterfaceAddress.parse("192.168.0.1/24"))),
                Set.of(),
                InForce.NOTHING,
                true,
                false));
    }

    @Test
    void podsWhoseBlockIsTheNodesNoMoreAreNamed() {
        lease("c1", NETWORK, Optional.of(new PodName("shop", "web")));
        assertThat(outside.faults()).as("nothing is known yet").isEmpty();
        nodeHas("10.244.1.0/24");
        assertThat(outside.faults()).isEmpty();

        nodeHas("10.244.9.0/24");

        assertThat(outside.faults())
                .containsExactly("pod shop/web has the address 10.244.1.1, which is in none of the node's pod CIDRs"
                        + " [10.244.9.0/24] any more, so that other nodes can't reach it; recreate the pod"
                        + " ('kubectl -n shop delete pod web')");
    }

    @Test
    void networksWithRangesOfTheirOwnAreNotOfTheNodesBlock() {
        lease("c1", new NetworkName("storage"), Optional.empty());
        nodeHas("10.244.9.0/24");
        assertThat(outside.faults()).isEmpty();
    }
}
