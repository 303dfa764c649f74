package dev.ikat.services.compiler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Endpoint;
import dev.ikat.cluster.EndpointSlice.Hints;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.External;
import dev.ikat.cluster.Service.Ingress;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.Target;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the API's rules make of one service, on a node in zone x. */
final class ServiceCompilerTest {
    private static final Node NODE = new Node(
            "node",
            Labels.of("topology.kubernetes.io/zone", "x"),
            List.of(Cidr.parse("10.1.0.0/24")),
            List.of(IpAddress.parse("192.0.2.1")));
    private static final String CLUSTER_IP = "10.96.0.7";
    private static final String VIP = "203.0.113.1";

    private final ServiceCompiler compiler = new ServiceCompiler("node", new ServiceSettings(true, List.of()));

    private static Service service(String name, TrafficPolicy internal, External external, long created) {
        return new Service(
                "shop",
                name,
                Service.Type.LOAD_BALANCER,
                List.of(IpAddress.parse(CLUSTER_IP)),
                List.of(new Service.Port("http", Protocol.TCP, 80, 30_080)),
                external,
                internal,
                Optional.empty(),
                false,
                Optional.of(Instant.ofEpochSecond(created)));
    }

    private static External external(TrafficPolicy policy, String... ranges) {
        return new External(
                policy,
                List.of(),
                List.of(new Ingress(IpAddress.parse(VIP), IpMode.VIP)),
                Stream.of(ranges).map(Cidr::parse).toList(),
                32_000);
    }

    private static Endpoint endpoint(String ip, Condition condition, String node, Hints hints) {
        return new Endpoint(IpAddress.parse(ip), condition, Optional.of(node), hints);
    }

    private static EndpointSlice slice(String name, Endpoint... endpoints) {
        return new EndpointSlice(
                "shop",
                name,
                "web",
                Optional.of(IpFamily.IPV4),
                List.of(new EndpointSlice.Port("http", Protocol.TCP, 8080)),
                List.of(endpoints));
    }

    private void add(ClusterObject... objects) {
        var _ = compiler.apply(new ClusterChange(List.of(objects), List.of(), List.of()));
    }

    private FrontendProgram at(String ip, int port) {
        Frontend frontend = new Frontend(IpAddress.parse(ip), Protocol.TCP, port);
        return Optional.ofNullable(compiler.program().frontends().get(frontend)).orElseThrow();
    }

    private static Target to(String... ips) {
        return new Target.Balance(
                Stream.of(ips).map(ip -> new Backend(IpAddress.parse(ip), 8080)).toList());
    }

    private static final Endpoint HERE = endpoint("10.1.0.1", Condition.READY, "node", Hints.NONE);
    private static final Endpoint THERE = endpoint("10.2.0.1", Condition.READY, "other", Hints.NONE);

    @Test
    void clusterPolicyBalancesAmongAllReadyEndpointsEverywhere() {
        add(NODE, service("web", TrafficPolicy.CLUSTER, external(TrafficPolicy.CLUSTER), 1), slice("s", HERE, THERE));

        for (FrontendProgram program : List.of(at(CLUSTER_IP, 80), at(VIP, 80), at("192.0.2.1", 30_080))) {
            assertThat(program.inside()).isEqualTo(to("10.1.0.1", "10.2.0.1"));
            assertThat(program.inside()).isEqualTo(program.outside());
        }
    }

    @Test
    void serviceWithoutEndpointsRejects() {
        add(NODE, service("web", TrafficPolicy.LOCAL, external(TrafficPolicy.LOCAL), 1));

        assertThat(at(CLUSTER_IP, 80).inside()).isEqualTo(Target.REJECT);
        assertThat(at(VIP, 80).outside()).isEqualTo(Target.REJECT);
    }

    @Test
    void localPolicyDropsWhereOnlyOtherNodesHaveEndpoints() {
        add(NODE, service("web", TrafficPolicy.LOCAL, external(TrafficPolicy.LOCAL), 1), slice("s", THERE));

        assertThat(at(CLUSTER_IP, 80).inside()).isEqualTo(Target.DROP);
        assertThat(at(VIP, 80).outside()).isEqualTo(Target.DROP);
        assertThat(at(VIP, 80).inside()).isEqualTo(to("10.2.0.1"));
        assertThat(compiler.healthChecks()).containsExactly(new HealthCheck("shop", "web", 32_000, 0));
    }

    @Test
    void externalLocalPolicyKeepsTheSourceAndStaysOnTheNode() {
        add(NODE, service("web", TrafficPolicy.CLUSTER, external(TrafficPolicy.LOCAL), 1), slice("s", HERE, THERE));

        assertThat(at("192.0.2.1", 30_080).outside()).isEqualTo(to("10.1.0.1"));
        assertThat(at("192.0.2.1", 30_080).keepsSource()).isTrue();
        assertThat(at("192.0.2.1", 30_080).inside()).isEqualTo(to("10.1.0.1", "10.2.0.1"));
        assertThat(at(CLUSTER_IP, 80).keepsSource()).isFalse();
        assertThat(compiler.healthChecks()).containsExactly(new HealthCheck("shop", "web", 32_000, 1));
    }

    @Test
    void drainingEndpointsServeOnlyWhereNoneIsReady() {
        Endpoint draining = endpoint("10.1.0.2", Condition.DRAINING, "node", Hints.NONE);
        add(NODE, service("web", TrafficPolicy.CLUSTER, external(TrafficPolicy.LOCAL), 1), slice("s", draining, THERE));

        assertThat(at(VIP, 80).outside()).isEqualTo(to("10.1.0.2"));
        assertThat(at(CLUSTER_IP, 80).inside()).isEqualTo(to("10.2.0.1"));
        assertThat(compiler.healthChecks()).containsExactly(new HealthCheck("shop", "web", 32_000, 0));
    }

    @Test
    void endpointInTwoSlicesIsReadyIfOneSaysSo() {
        Endpoint late = endpoint("10.1.0.1", Condition.UNAVAILABLE, "node", Hints.NONE);
        add(
                NODE,
                service("web", TrafficPolicy.CLUSTER, external(TrafficPolicy.CLUSTER), 1),
                slice("a", late),
                slice("b", HERE));

        assertThat(at(CLUSTER_IP, 80).inside()).isEqualTo(to("10.1.0.1"));
    }

    @Test
    void hintsForTheZoneCountOnlyIfAllReadyEndpointsHaveOne() {
        Endpoint near = endpoint("10.2.0.2", Condition.READY, "other", new Hints(Set.of("x"), Set.of()));
        Endpoint far = endpoint("10.2.0.3", Condition.READY, "other", new Hints(Set.of("y"), Set.of()));
        add(NODE, service("web", TrafficPolicy.CLUSTER, external(TrafficPolicy.CLUSTER), 1), slice("s", near, far));
        assertThat(at(CLUSTER_IP, 80).inside()).isEqualTo(to("10.2.0.2"));

        add(slice("t", THERE));

        assertThat(at(CLUSTER_IP, 80).inside()).isEqualTo(to("10.2.0.1", "10.2.0.2", "10.2.0.3"));
    }

    @Test
    void sourceRangesOfTheOtherFamilyAllowNobody() {
        add(
                NODE,
                service("web", TrafficPolicy.CLUSTER, external(TrafficPolicy.CLUSTER, "fd00::/8"), 1),
                slice("s", HERE));

        assertThat(at(VIP, 80).inside()).isEqualTo(Target.DROP);
        assertThat(at(VIP, 80).outside()).isEqualTo(Target.DROP);
        assertThat(at("192.0.2.1", 30_080).outside()).isEqualTo(to("10.1.0.1"));
    }

    @Test
    void olderServiceHasAContestedFrontendUntilItGoes() {
        Service older = service("web", TrafficPolicy.CLUSTER, External.NONE, 1);
        add(service("a", TrafficPolicy.CLUSTER, External.NONE, 2), older);
        assertThat(at(CLUSTER_IP, 80).service().service()).isEqualTo("web");
        assertThat(compiler.findings())
                .singleElement()
                .asString()
                .contains("Service shop/a", "in use by service shop/web");

        var _ = compiler.apply(new ClusterChange(List.of(), List.of(), List.of(older)));

        assertThat(at(CLUSTER_IP, 80).service().service()).isEqualTo("a");
        assertThat(compiler.findings()).isEmpty();
    }

    @Test
    void externalAddressNeverTakesAnotherServicesClusterIp() {
        External thief =
                new External(TrafficPolicy.CLUSTER, List.of(IpAddress.parse("10.96.0.8")), List.of(), List.of(), 0);
        Service victim = new Service(
                "shop",
                "victim",
                Service.Type.CLUSTER_IP,
                List.of(IpAddress.parse("10.96.0.8")),
                List.of(new Service.Port("", Protocol.TCP, 80, 0)),
                External.NONE,
                TrafficPolicy.CLUSTER,
                Optional.empty(),
                false,
                Optional.of(Instant.ofEpochSecond(9)));

        add(service("web", TrafficPolicy.CLUSTER, thief, 1), victim);

        assertThat(at("10.96.0.8", 80).service().service()).isEqualTo("victim");
    }

    @Test
    void otherNodesChangeNothing() {
        add(NODE, service("web", TrafficPolicy.CLUSTER, external(TrafficPolicy.LOCAL), 1), slice("s", HERE));
        Node other = new Node("other", Labels.NONE, List.of(), List.of(IpAddress.parse("192.0.2.9")));

        assertThat(compiler.apply(new ClusterChange(List.of(other), List.of(), List.of()))
                        .isEmpty())
                .isTrue();
    }
}
