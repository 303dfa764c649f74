package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Endpoint;
import dev.ikat.cluster.EndpointSlice.Hints;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.External;
import dev.ikat.cluster.Service.Ingress;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.cluster.ServiceCidr;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Services, endpoint slices and service CIDRs as the API says them, and as a snapshot keeps them. */
final class ServiceFormsTest {
    private static final String SERVICE = """
            metadata:
              name: web
              namespace: shop
              creationTimestamp: 2026-01-02T03:04:05Z
              labels: {app: web}
            spec:
              type: LoadBalancer
              clusterIP: 10.96.0.7
              clusterIPs: [10.96.0.7, "fd96::7"]
              ports:
              - {name: http, port: 80, targetPort: http, nodePort: 30080}
              - {name: dns, protocol: UDP, port: 53}
              - {name: later, protocol: QUIC, port: 443}
              externalIPs: [203.0.113.9]
              externalTrafficPolicy: Local
              internalTrafficPolicy: Local
              healthCheckNodePort: 32000
              loadBalancerSourceRanges: [" 192.0.2.7/24 "]
              sessionAffinity: ClientIP
              sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
            status:
              loadBalancer:
                ingress: [{ip: 203.0.113.1}, {ip: 203.0.113.2, ipMode: Proxy}, {hostname: lb.example.com}]
            """;
    private static final Service WEB = new Service(
            "shop",
            "web",
            Service.Type.LOAD_BALANCER,
            List.of(IpAddress.parse("10.96.0.7"), IpAddress.parse("fd96::7")),
            List.of(new Service.Port("http", Protocol.TCP, 80, 30_080), new Service.Port("dns", Protocol.UDP, 53, 0)),
            new External(
                    TrafficPolicy.LOCAL,
                    List.of(IpAddress.parse("203.0.113.9")),
                    List.of(
                            new Ingress(IpAddress.parse("203.0.113.1"), IpMode.VIP),
                            new Ingress(IpAddress.parse("203.0.113.2"), IpMode.PROXY)),
                    List.of(Cidr.parse("192.0.2.0/24")),
                    32_000),
            TrafficPolicy.LOCAL,
            Optional.of(Duration.ofSeconds(60)),
            false,
            Optional.of(Instant.parse("2026-01-02T03:04:05Z")));

    private static final String SLICE = """
            metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
            addressType: IPv4
            ports: [{name: http, protocol: TCP, port: 8080}, {name: all}]
            endpoints:
            - {addresses: [10.1.0.4, 10.1.0.5], nodeName: a, hints: {forZones: [{name: x}], forNodes: [{name: a}]}}
            - {addresses: [10.1.0.6], conditions: {ready: false, serving: true, terminating: true}}
            - {addresses: [10.1.0.7], conditions: {ready: false}}
            - {addresses: [10.1.0.8], conditions: {ready: true, terminating: true}, nodeName: null}
            """;
    private static final EndpointSlice WEB_1 = new EndpointSlice(
            "shop",
            "web-1",
            "web",
            Optional.of(IpFamily.IPV4),
            List.of(new EndpointSlice.Port("http", Protocol.TCP, 8080)),
            List.of(
                    new Endpoint(
                            IpAddress.parse("10.1.0.4"),
                            Condition.READY,
                            Optional.of("a"),
                            new Hints(Set.of("x"), Set.of("a"))),
                    new Endpoint(IpAddress.parse("10.1.0.6"), Condition.DRAINING, Optional.empty(), Hints.NONE),
                    new Endpoint(IpAddress.parse("10.1.0.7"), Condition.UNAVAILABLE, Optional.empty(), Hints.NONE),
                    new Endpoint(IpAddress.parse("10.1.0.8"), Condition.READY, Optional.empty(), Hints.NONE)));

    @TempDir
    private Path directory;

    private static ClusterObject read(ApiKind<?> kind, String text) {
        ObjectForm.Reading<? extends ClusterObject> reading = kind.read(ManifestFileTest.yaml(text));
        assertThat(reading.faults()).isEmpty();
        return reading.object().orElseThrow();
    }

    private static Service service(String text) {
        return (Service) read(ApiKinds.SERVICES, text);
    }

    @Test
    void serviceIsRead() {
        assertThat(read(ApiKinds.SERVICES, SERVICE)).isEqualTo(WEB);
    }

    @Test
    void endpointSliceIsRead() {
        assertThat(read(ApiKinds.ENDPOINT_SLICES, SLICE)).isEqualTo(WEB_1);
    }

    @Test
    void earlierVersionNamesNodesInItsTopology() {
        EndpointSlice slice = (EndpointSlice)
                read(ApiKinds.ENDPOINT_SLICES, SLICE.replace("nodeName: a", "topology: {kubernetes.io/hostname: a}"));

        assertThat(slice).isEqualTo(WEB_1);
    }

    @Test
    void sliceOfNamesHasNoEndpoints() {
        EndpointSlice slice = (EndpointSlice)
                read(ApiKinds.ENDPOINT_SLICES, SLICE.replace("IPv4", "FQDN").replace("10.1.0.4", "db.example.com"));

        assertThat(slice.endpoints()).isEmpty();
    }

    /** As kube-proxy has it. */
    @Test
    void sliceWithTheHeadlessLabelHasNoEndpoints() {
        EndpointSlice slice = (EndpointSlice) read(
                ApiKinds.ENDPOINT_SLICES,
                SLICE.replace(
                        "kubernetes.io/service-name:",
                        "service.kubernetes.io/headless: \"\", kubernetes.io/service-name:"));

        assertThat(slice.service()).isEqualTo("web");
        assertThat(slice.endpoints()).isEmpty();
    }

    @Test
    void headlessServiceHasNoAddresses() {
        assertThat(service(SERVICE.replace("clusterIPs: [10.96.0.7, \"fd96::7\"]", "clusterIPs: [None]"))
                        .clusterIps())
                .isEmpty();
    }

    @Test
    void serviceOfAnOldServerHasOneAddress() {
        assertThat(service(SERVICE.replace("clusterIPs: [10.96.0.7, \"fd96::7\"]", ""))
                        .clusterIps())
                .containsExactly(IpAddress.parse("10.96.0.7"));
    }

    @Test
    void labelsLeaveAServiceToOthers() {
        assertThat(service(SERVICE.replace("app: web", "service.kubernetes.io/service-proxy-name: other"))
                        .leftToOthers())
                .isTrue();
        assertThat(service(SERVICE.replace("app: web", "service.kubernetes.io/headless: \"\""))
                        .leftToOthers())
                .isTrue();
    }

    @Test
    void unknownValuesAreTakenForTheDefault() {
        Service service = service(SERVICE.replace("Policy: Local", "Policy: Nearest")
                .replace("sessionAffinity: ClientIP", "sessionAffinity: Cookie")
                .replace("type: LoadBalancer", "type: Later"));

        assertThat(service.internalTrafficPolicy()).isEqualTo(TrafficPolicy.CLUSTER);
        assertThat(service.external().trafficPolicy()).isEqualTo(TrafficPolicy.CLUSTER);
        assertThat(service.affinity()).isEmpty();
        assertThat(service.type()).isEqualTo(Service.Type.CLUSTER_IP);
    }

    @Test
    void sourceRangesMayBeAnAnnotation() {
        Service service = service(
                SERVICE.replace("loadBalancerSourceRanges: [\" 192.0.2.7/24 \"]", "")
                        .replace(
                                "labels: {app: web}",
                                "annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: \"192.0.2.0/24, ::/0\"}"));

        assertThat(service.external().sourceRanges()).containsExactly(Cidr.parse("192.0.2.0/24"), Cidr.parse("::/0"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "[{type: MemoryPressure, status: \"False\"}, {type: Ready, status: \"True\"}]; true",
                "[{type: Ready, status: \"Unknown\"}, {type: MemoryPressure, status: \"True\"}]; false",
                "[{type: Ready, status: true}]; false",
                "[{status: \"True\"}]; false",
                "[]; false"
            })
    void nodeIsReadyIfItsConditionSaysSoAndIsReadWhateverItSays(String conditions, boolean ready) throws Exception {
        Node node = (Node) read(ApiKinds.NODES, """
                metadata: {name: a}
                spec: {podCIDR: 10.1.0.0/24}
                status:
                  addresses: [{type: InternalIP, address: 192.0.2.1}]
                  conditions: %s
                """.formatted(conditions));
        assertThat(node.ready()).isEqualTo(ready);
        Snapshot snapshot = new Snapshot(directory, new KindSet(List.of(ApiKinds.NODES)));

        snapshot.write(List.of(node));

        assertThat(snapshot.read().orElseThrow().objects()).isEqualTo(List.of(node));
    }

    @Test
    void snapshotHasEverythingThatIsKept() throws Exception {
        List<ClusterObject> objects = List.of(
                WEB,
                service(SERVICE.replace("app: web", "service.kubernetes.io/headless: \"\"")
                        .replace("name: web\n", "name: other\n")),
                WEB_1,
                new ServiceCidr("kubernetes", List.of(Cidr.parse("10.96.0.0/16"), Cidr.parse("fd96::/112"))));
        Snapshot snapshot = new Snapshot(directory, new KindSet(ApiKinds.SERVICE_KINDS));

        snapshot.write(objects);

        assertThat(snapshot.read().orElseThrow().objects()).isEqualTo(objects);
    }
}
