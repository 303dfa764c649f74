package dev.ikat.bgp;

import static dev.ikat.bgp.BgpScene.advertisement;
import static dev.ikat.bgp.BgpScene.node;
import static dev.ikat.bgp.BgpScene.settings;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.random.Seeds;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AnnouncedRoutesTest {
    private static final BgpSettings ROUTED = settings(Mesh.FULL, true);
    private static final List<BgpAdvertisement> ADVERTISEMENTS = List.of(
            advertisement("balancers", false, ServiceAddresses.LOAD_BALANCER_IP),
            advertisement(
                    "everything",
                    true,
                    Set.of(ServiceAddresses.values()),
                    Set.of(Cidr.parse("198.51.100.0/29"), Cidr.parse("10.244.0.0/16")),
                    LabelSelector.EVERYTHING));

    private static AnnouncedRoutes routes(Set<ServiceAddress> services) {
        return new AnnouncedRoutes(ROUTED, node(1), ADVERTISEMENTS, services);
    }

    private static ServiceAddress balancer(String address, boolean everywhere) {
        return new ServiceAddress(IpAddress.parse(address), ServiceAddresses.LOAD_BALANCER_IP, everywhere);
    }

    private static List<String> texts(AnnouncedRoutes routes) {
        return routes.groups().stream()
                .map(group -> group.reasons().advertisements()
                        + (group.reasons().nodes() ? " nodes " : " ")
                        + group.prefixes())
                .toList();
    }

    @Test
    void prefixesAreGroupedByAllReasonsThatTheyHave() {
        AnnouncedRoutes routes = routes(Set.of(balancer("198.51.100.1", true), balancer("198.51.100.2", false)));

        assertThat(texts(routes))
                .containsExactlyInAnyOrder(
                        "[] nodes [10.244.1.0/24]",
                        "[everything] [10.244.0.0/16, 198.51.100.0/29]",
                        "[balancers] [198.51.100.1/32]",
                        "[balancers, everything] [198.51.100.2/32]");
    }

    @Test
    void aggregateGoesWithTheLastAddressInIt() {
        AnnouncedRoutes routes = routes(Set.of(balancer("198.51.100.1", true)));
        routes.add(balancer("198.51.100.3", true));

        routes.remove(balancer("198.51.100.1", true));
        assertThat(texts(routes)).contains("[everything] [10.244.0.0/16, 198.51.100.0/29]");
        routes.remove(balancer("198.51.100.3", true));
        assertThat(texts(routes)).containsExactly("[everything] [10.244.0.0/16]", "[] nodes [10.244.1.0/24]");
    }

    @Test
    void whatComesAndGoesLeadsToTheSameAsAllAtOnce() {
        Seeds.forEach(20, random -> {
            Set<ServiceAddress> there = new HashSet<>();
            AnnouncedRoutes routes = routes(there);
            for (int step = 0; step < 100; step++) {
                ServiceAddress address = new ServiceAddress(
                        IpAddress.v4(0xc6336400 + random.between(0, 12)),
                        random.oneOf(ServiceAddresses.values()),
                        random.chance(0.5));
                if (there.add(address)) {
                    routes.add(address);
                } else {
                    there.remove(address);
                    routes.remove(address);
                }
                assertThat(routes.groups()).isEqualTo(routes(there).groups());
            }
        });
    }
}
