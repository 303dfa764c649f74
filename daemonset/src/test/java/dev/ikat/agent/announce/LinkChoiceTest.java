package dev.ikat.agent.announce;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.BridgeSpec;
import dev.ikat.netlink.route.FakeNetlink;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.VethSpec;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LinkChoiceTest {
    private static final InterfaceName ETH0 = new InterfaceName("eth0");
    private static final InterfaceName ETH1 = new InterfaceName("eth1");
    private static final InterfaceName BR0 = new InterfaceName("br0");

    private final FakeNetlink netlink = new FakeNetlink();

    @BeforeEach
    void links() {
        netlink.execute(
                Requests.create(VethSpec.of(ETH0, new InterfaceName("far0"))),
                Requests.create(VethSpec.of(ETH1, new InterfaceName("far1"))),
                Requests.create(BridgeSpec.of(BR0)));
        netlink.execute(
                Requests.change(LinkChange.of(ETH0).up()),
                Requests.change(LinkChange.of(new InterfaceName("far0")).up()),
                Requests.add(Address.of(index(ETH0), InterfaceAddress.parse("192.0.2.11/24"))));
    }

    private int index(InterfaceName name) {
        return netlink.link(name).orElseThrow().index();
    }

    private LinkChoice choice(String... names) {
        return LinkChoice.of(List.of(names), Optional.of(ETH0), netlink.links(), netlink.addresses());
    }

    private static List<String> names(LinkChoice choice) {
        return choice.links().stream().map(link -> link.name().value()).toList();
    }

    @Test
    void withoutANameItIsTheUplink() {
        LinkChoice choice = choice();

        assertThat(choice.faults()).isEmpty();
        assertThat(choice.links()).singleElement().satisfies(link -> {
            assertThat(link.name()).isEqualTo(ETH0);
            assertThat(link.networks()).containsExactly(Cidr.parse("192.0.2.0/24"));
        });
        assertThat(LinkChoice.of(List.of(), Optional.empty(), netlink.links(), List.of())
                        .faults())
                .containsExactly("the interface to the other nodes is not known yet");
    }

    @Test
    void namesAndPatternsAreTakenOnceEach() {
        assertThat(names(choice("eth*", "eth0", "br0"))).containsExactly("eth0", "eth1", "br0");
        assertThat(choice("eth*", "eth0", "br0").faults()).isEmpty();
    }

    @Test
    void linkThatIsNotThereOrHasNoArpIsAFault() {
        netlink.execute(Requests.change(LinkChange.of(ETH1).noArp()));

        LinkChoice choice = choice("eth1", "eth7", "lo", "wlan*");

        assertThat(choice.links()).isEmpty();
        assertThat(choice.faults())
                .containsExactly(
                        "addresses can't be announced on eth1: it has no ARP",
                        "there is no interface eth7",
                        "addresses can't be announced on lo: it has no ARP");
        assertThat(choice("eth*").faults()).isEmpty();
    }
}
