package dev.ikat.bgp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Claims;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Endpoint;
import dev.ikat.cluster.EndpointSlice.Hints;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.External;
import dev.ikat.cluster.Service.Ingress;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ServiceRoutesTest {
    private final ServiceRoutes routes = new ServiceRoutes("here");

    private static Service service(String name, TrafficPolicy external, boolean leftToOthers) {
        return new Service(
                "shop",
                name,
                Service.Type.LOAD_BALANCER,
                List.of(IpAddress.parse("10.96.0.1")),
                List.of(),
                new External(
                        external,
                        List.of(IpAddress.parse("203.0.113.1")),
                        List.of(
                                new Ingress(IpAddress.parse("198.51.100.1"), IpMode.VIP),
                                new Ingress(IpAddress.parse("198.51.100.2"), IpMode.PROXY)),
                        List.of(),
                        0),
                TrafficPolicy.CLUSTER,
                Optional.empty(),
                leftToOthers,
                Optional.empty());
    }

    private static EndpointSlice slice(Condition condition, String node) {
        return new EndpointSlice(
                "shop",
                "web-1",
                "web",
                Optional.of(IpFamily.IPV4),
                List.of(),
                List.of(new Endpoint(IpAddress.parse("10.244.1.5"), condition, Optional.of(node), Hints.NONE)));
    }

    private Claims.Difference<ServiceAddress> added(ClusterObject... objects) {
        return routes.apply(new ClusterChange(List.of(objects), List.of(), List.of()));
    }

    private Claims.Difference<ServiceAddress> became(ClusterObject before, ClusterObject after) {
        return routes.apply(new ClusterChange(List.of(), List.of(new ClusterChange.Update(before, after)), List.of()));
    }

    private static List<String> texts(Set<ServiceAddress> addresses) {
        return addresses.stream().sorted().map(one -> one.address().toString()).toList();
    }

    private List<String> addresses() {
        return routes.addresses().stream().map(one -> one.address().toString()).toList();
    }

    @Test
    void eachAddressIsAnnouncedByAllNodesButThoseOfLoadBalancersThatAreProxies() {
        Claims.Difference<ServiceAddress> difference = added(service("web", TrafficPolicy.CLUSTER, false));

        assertThat(texts(difference.come())).containsExactly("10.96.0.1", "198.51.100.1", "203.0.113.1");
        assertThat(difference.gone()).isEmpty();
        assertThat(addresses()).containsExactly("10.96.0.1", "198.51.100.1", "203.0.113.1");
        assertThat(routes.addresses()).allMatch(ServiceAddress::everywhere);
    }

    @Test
    void withPolicyLocalOnlyNodesWithAReadyEndpointAnnounce() {
        EndpointSlice elsewhere = slice(Condition.READY, "there");
        added(service("web", TrafficPolicy.LOCAL, false), elsewhere);
        assertThat(addresses()).containsExactly("10.96.0.1");

        EndpointSlice here = slice(Condition.READY, "here");
        assertThat(texts(became(elsewhere, here).come())).containsExactly("198.51.100.1", "203.0.113.1");
        assertThat(addresses()).containsExactly("10.96.0.1", "198.51.100.1", "203.0.113.1");

        assertThat(texts(became(here, slice(Condition.DRAINING, "here")).gone()))
                .containsExactly("198.51.100.1", "203.0.113.1");
        assertThat(addresses()).containsExactly("10.96.0.1");
    }

    @Test
    void addressThatTwoServicesHaveGoesWithTheLast() {
        Service web = service("web", TrafficPolicy.CLUSTER, false);
        Service shop = service("shop", TrafficPolicy.CLUSTER, false);
        added(web, shop);

        Claims.Difference<ServiceAddress> first = routes.apply(new ClusterChange(List.of(), List.of(), List.of(web)));
        assertThat(first.gone()).isEmpty();
        assertThat(addresses()).hasSize(3);
        Claims.Difference<ServiceAddress> last = routes.apply(new ClusterChange(List.of(), List.of(), List.of(shop)));
        assertThat(last.gone()).hasSize(3);
        assertThat(addresses()).isEmpty();
    }

    @Test
    void addressThatGoesFromOneServiceToAnotherIsNoDifference() {
        Service web = service("web", TrafficPolicy.CLUSTER, false);
        added(web);

        Claims.Difference<ServiceAddress> difference = routes.apply(
                new ClusterChange(List.of(service("shop", TrafficPolicy.CLUSTER, false)), List.of(), List.of(web)));

        assertThat(difference.come()).isEmpty();
        assertThat(difference.gone()).isEmpty();
    }

    @Test
    void serviceOfAnotherProxyIsNotAnnouncedAndEndpointsAloneChangeNothing() {
        Claims.Difference<ServiceAddress> difference =
                added(service("web", TrafficPolicy.CLUSTER, true), slice(Condition.READY, "here"));

        assertThat(difference.come()).isEmpty();
        assertThat(addresses()).isEmpty();
    }
}
