package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.LoadBalancerService.Port;
import dev.ikat.cluster.LoadBalancerService.Traffic;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Reported;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Address pools, and services as whoever gives them addresses reads them. */
class AddressFormsTest {
    private static final String POOL = """
        metadata: {name: public, generation: 3, creationTimestamp: 2026-01-02T03:04:05Z}
        spec:
          addresses: [192.0.2.0/28, 198.51.100.10-198.51.100.20, "2001:db8::/64"]
          autoAssign: false
          serviceSelector: {matchLabels: {tier: front}}
          namespaceSelector: {matchExpressions: [{key: team, operator: In, values: [shop]}]}
        status:
          used: 3
          conditions:
          - {type: Accepted, status: "True", reason: Accepted, message: fine, observedGeneration: 3}
        """;
    private static final AddressPool PUBLIC = new AddressPool(
            "public",
            List.of(
                    AddressBlock.parse("192.0.2.0/28"),
                    AddressBlock.parse("198.51.100.10-198.51.100.20"),
                    AddressBlock.parse("2001:db8::/64")),
            false,
            LabelSelector.of("tier", "front"),
            new LabelSelector(
                    Labels.NONE,
                    List.of(new LabelSelector.Requirement("team", LabelSelector.Operator.IN, Set.of("shop")))),
            Optional.of(Instant.parse("2026-01-02T03:04:05Z")),
            new Reported(3, Optional.of(new ObjectCondition("Accepted", true, "Accepted", "fine", 3))));

    private static final String SERVICE = """
        metadata:
          name: web
          namespace: shop
          uid: u-1
          resourceVersion: "7"
          creationTimestamp: 2026-01-02T03:04:05Z
          labels: {app: web}
          annotations:
            ikat.dev/addresses: 192.0.2.7, 2001:db8::7
            ikat.dev/address-pool: public
            ikat.dev/sharing-key: key
        spec:
          type: LoadBalancer
          loadBalancerClass: ikat.dev/lb
          ipFamilies: [IPv6, IPv4]
          ipFamilyPolicy: RequireDualStack
          externalTrafficPolicy: Local
          selector: {app: web}
          ports: [{port: 80}, {port: 53, protocol: UDP}, {port: 443, protocol: QUIC}]
        status:
          loadBalancer: {ingress: [{ip: "2001:db8::7"}, {hostname: lb.example.com}, {ip: 192.0.2.7}]}
        """;
    private static final LoadBalancerService WEB = new LoadBalancerService(
            "shop",
            "web",
            Labels.of("app", "web"),
            Optional.of(new Demand(
                    Optional.of("ikat.dev/lb"),
                    List.of(IpFamily.IPV6, IpFamily.IPV4),
                    true,
                    List.of(IpAddress.parse("192.0.2.7"), IpAddress.parse("2001:db8::7")),
                    Optional.of("public"),
                    Optional.empty())),
            new Traffic(
                    Optional.of("key"),
                    Set.of(new Port(Protocol.TCP, 80), new Port(Protocol.UDP, 53)),
                    true,
                    Labels.of("app", "web")),
            List.of(IpAddress.parse("2001:db8::7"), IpAddress.parse("192.0.2.7")),
            Optional.of(Instant.parse("2026-01-02T03:04:05Z")),
            "u-1",
            "7");

    @TempDir
    private Path directory;

    private static ClusterObject read(ApiKind<?> kind, String text) {
        ObjectForm.Reading<? extends ClusterObject> reading = kind.read(ManifestFileTest.yaml(text));
        assertThat(reading.faults()).isEmpty();
        return reading.object().orElseThrow();
    }

    private static Demand demand(String text) {
        return ((LoadBalancerService) read(ApiKinds.LOAD_BALANCER_SERVICES, text))
                .demand()
                .orElseThrow();
    }

    @Test
    void poolIsReadAsItIsSaid() {
        assertThat(read(ApiKinds.ADDRESS_POOLS, POOL)).isEqualTo(PUBLIC);
    }

    @Test
    void poolThatSaysOnlyAddressesIsForEverybody() {
        AddressPool pool =
                (AddressPool) read(ApiKinds.ADDRESS_POOLS, "{metadata: {name: a}, spec: {addresses: [192.0.2.1/32]}}");

        assertThat(pool.autoAssign()).isTrue();
        assertThat(pool.serviceSelector()).isEqualTo(LabelSelector.EVERYTHING);
        assertThat(pool.namespaceSelector()).isEqualTo(LabelSelector.EVERYTHING);
        assertThat(pool.reported()).isEqualTo(Reported.NOTHING);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        [192.0.2.9-192.0.2.1]             | spec.addresses[0]: the range 192.0.2.9-192.0.2.1 ends before it begins
        [192.0.2.1-2001:db8::1]           | begins in one address family and ends in the other
        [192.0.2.1]                       | write a single address as 192.0.2.1/32
        [192.0.2.1/24]                    | has host bits set; the network is 192.0.2.0/24
        [127.0.0.0/8]                     | at which no service can be reached
        [192.0.2.0/24, 192.0.2.7/32]      | spec.addresses: 192.0.2.0/24 overlaps 192.0.2.7/32
        []                                | has no addresses
        '[192.0.2.0/24], autoasign: true' | spec.autoasign: is an unknown field
        """)
    void poolThatMakesNoSenseIsRefused(String addresses, String reason) {
        ObjectForm.Reading<AddressPool> reading = ApiKinds.ADDRESS_POOLS.read(
                ManifestFileTest.yaml("{metadata: {name: a}, spec: {addresses: " + addresses + "}}"));

        assertThat(reading.object()).isEmpty();
        assertThat(reading.faults())
                .singleElement()
                .satisfies(fault -> assertThat(fault.reason()).contains(reason));
    }

    @Test
    void serviceIsReadAsItIsSaid() {
        assertThat(read(ApiKinds.LOAD_BALANCER_SERVICES, SERVICE)).isEqualTo(WEB);
    }

    @Test
    void serviceThatIsBeingDeletedOrOfAnotherTypeWantsNothing() {
        assertThat(((LoadBalancerService)
                                read(ApiKinds.LOAD_BALANCER_SERVICES, SERVICE.replace("LoadBalancer\n", "NodePort\n")))
                        .demand())
                .isEmpty();
        assertThat(((LoadBalancerService) read(
                                ApiKinds.LOAD_BALANCER_SERVICES,
                                SERVICE.replace("  uid: u-1", "  deletionTimestamp: 2026-01-02T03:04:05Z")))
                        .demand())
                .isEmpty();
    }

    @Test
    void olderFieldAndFamiliesOfTheClusterIpsAreUnderstood() {
        Demand demand = demand("""
            metadata: {name: web, namespace: shop}
            spec: {type: LoadBalancer, loadBalancerIP: 192.0.2.7, clusterIPs: [10.96.0.7, "fd96::7"]}
            """);

        assertThat(demand.families()).containsExactly(IpFamily.IPV4, IpFamily.IPV6);
        assertThat(demand.addresses()).containsExactly(IpAddress.parse("192.0.2.7"));
        assertThat(demand.loadBalancerClass()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        192.0.2.7,192.0.2.8 | metadata.annotations[ikat.dev/addresses]: has more than one IPv4 address
        web.example.com     | invalid IP address 'web.example.com'; write addresses with commas between them
        192.0.2.7,          | invalid IP address ''
        """)
    void wishThatMakesNoSenseIsPartOfTheService(String addresses, String reason) {
        Demand demand = demand(SERVICE.replace("192.0.2.7, 2001:db8::7", "\"" + addresses + "\""));

        assertThat(demand.fault()).hasValueSatisfying(fault -> assertThat(fault).contains(reason));
        assertThat(demand.addresses()).isEmpty();
    }

    @Test
    void addressOfAFamilyThatTheServiceHasNotIsRefused() {
        Demand demand = demand(SERVICE.replace("[IPv6, IPv4]", "[IPv4]"));

        assertThat(demand.fault())
                .hasValueSatisfying(
                        fault -> assertThat(fault).contains("has an IPv6 address, but spec.ipFamilies has no IPv6"));
    }

    @Test
    void snapshotKeepsThem() throws Exception {
        Snapshot snapshot =
                new Snapshot(directory, new KindSet(List.of(ApiKinds.ADDRESS_POOLS, ApiKinds.LOAD_BALANCER_SERVICES)));

        snapshot.write(List.of(PUBLIC, WEB));

        assertThat(snapshot.read().orElseThrow().objects()).isEqualTo(List.of(PUBLIC, WEB.at("")));
    }
}
