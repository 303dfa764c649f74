package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.BgpCommunity;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.BgpPeer.Bfd;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.Reported;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** BgpPeers and BgpAdvertisements as the API says them, and as a snapshot keeps them. */
final class BgpFormsTest {
    private static final String PEER = """
            apiVersion: ikat.dev/v1alpha1
            kind: BgpPeer
            metadata: {name: tor-1, generation: 3, labels: {rack: a}}
            spec:
              nodeSelector: {matchLabels: {rack: a}, matchExpressions: [{key: gpu, operator: DoesNotExist}]}
              address: fe80::1
              interface: eth0
              port: 1790
              as: 4200000000
              localAs: 64513
              passwordKey: rack-a
              holdTime: 30
              bfd: {interval: 100, multiplier: 5}
              extendedNextHop: true
              accept: [{cidr: 0.0.0.0/0}, {cidr: 10.0.0.7/8, minLength: 16, maxLength: 24}]
            status:
              conditions:
              - {type: Other, status: "True", reason: R, lastTransitionTime: 2026-01-01T00:00:00Z}
              - {type: Accepted, status: "False", reason: PeerIsNode, message: m, observedGeneration: 2}
            """;
    private static final BgpPeer TOR = new BgpPeer(
            "tor-1",
            Labels.of("rack", "a"),
            new LabelSelector(
                    Labels.of("rack", "a"),
                    List.of(new LabelSelector.Requirement("gpu", LabelSelector.Operator.DOES_NOT_EXIST, Set.of()))),
            new Neighbour(IpAddress.parse("fe80::1"), Optional.of(new InterfaceName("eth0")), 1790),
            4_200_000_000L,
            Optional.of(64_513L),
            OptionalInt.empty(),
            Optional.of("rack-a"),
            Duration.ofSeconds(30),
            Optional.of(new Bfd(Duration.ofMillis(100), 5)),
            true,
            List.of(PrefixRange.of(Cidr.parse("0.0.0.0/0")), new PrefixRange(Cidr.parse("10.0.0.0/8"), 16, 24)),
            new Reported(3, Optional.of(new ObjectCondition("Accepted", false, "PeerIsNode", "m", 2))));

    private static final String ADVERTISEMENT = """
            apiVersion: ikat.dev/v1alpha1
            kind: BgpAdvertisement
            metadata: {name: all}
            spec:
              nodeSelector: {matchLabels: {a: b}}
              peerSelector: {matchLabels: {rack: a}}
              podCidrs: true
              services: [LoadBalancerIP, ClusterIP]
              aggregates: [198.51.100.0/24]
              communities: ["64512:100", "4200000000:1:2"]
              localPreference: 4294967295
            """;
    private static final BgpAdvertisement ALL = new BgpAdvertisement(
            "all",
            LabelSelector.of("a", "b"),
            LabelSelector.of("rack", "a"),
            true,
            Set.of(ServiceAddresses.CLUSTER_IP, ServiceAddresses.LOAD_BALANCER_IP),
            Set.of(Cidr.parse("198.51.100.0/24")),
            Set.of(BgpCommunity.parse("64512:100"), BgpCommunity.parse("4200000000:1:2")),
            Optional.of(4_294_967_295L),
            Reported.NOTHING);

    private static ClusterObject read(ApiKind<?> kind, String text) {
        ObjectForm.Reading<? extends ClusterObject> reading = kind.read(ManifestFileTest.yaml(text));
        assertThat(reading.faults()).isEmpty();
        return reading.object().orElseThrow();
    }

    private static String written(ApiKind<?> kind, ClusterObject object) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new ObjectMapper().createGenerator(text)) {
            ManifestWriter.write(json, kind, object);
        }
        return text.toString();
    }

    @Test
    void peerIsReadAndWritten() throws IOException {
        assertThat(read(ApiKinds.BGP_PEERS, PEER)).isEqualTo(TOR);
        assertThat(read(ApiKinds.BGP_PEERS, written(ApiKinds.BGP_PEERS, TOR))).isEqualTo(TOR);
    }

    @Test
    void advertisementIsReadAndWritten() throws IOException {
        assertThat(read(ApiKinds.BGP_ADVERTISEMENTS, ADVERTISEMENT)).isEqualTo(ALL);
        assertThat(read(ApiKinds.BGP_ADVERTISEMENTS, written(ApiKinds.BGP_ADVERTISEMENTS, ALL)))
                .isEqualTo(ALL);
    }

    @Test
    void mostFieldsOfAPeerHaveDefaults() {
        BgpPeer peer = (BgpPeer) read(ApiKinds.BGP_PEERS, "{metadata: {name: a}, spec: {address: 192.0.2.1, as: 1}}");

        assertThat(peer.nodeSelector()).isEqualTo(LabelSelector.EVERYTHING);
        assertThat(peer.neighbour().port()).isEqualTo(179);
        assertThat(peer.holdTime()).isEqualTo(Duration.ofSeconds(90));
        assertThat(peer.accept()).isEmpty();
        assertThat(peer.reported()).isEqualTo(Reported.NOTHING);
    }

    @Test
    void peerMayBeKnownByItsInterfaceAlone() throws IOException {
        BgpPeer peer = (BgpPeer) read(ApiKinds.BGP_PEERS, "{metadata: {name: a}, spec: {interface: eth1, as: 1}}");

        assertThat(peer.neighbour())
                .isEqualTo(new Neighbour(Optional.empty(), Optional.of(new InterfaceName("eth1")), BgpPeer.PORT));
        assertThat(read(ApiKinds.BGP_PEERS, written(ApiKinds.BGP_PEERS, peer))).isEqualTo(peer);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            address: fe80::1    | # left out         | spec.port: a router without an address begins the session
            as: 4200000000      | as: 0              | spec.as: has to be 1 to 4294967295, but is 0
            as: 4200000000      | as: 4294967296     | spec.as: has to be 1 to 4294967295
            address: fe80::1    | address: 10.0.0    | spec.address: invalid IP address
            address: fe80::1    | address: 127.0.0.1 | spec.address: no router has the address 127.0.0.1
            interface: eth0     | x: y               | is an unknown field
            interface: eth0     | holdtime: 4        | is an unknown field
            interface: eth0     | interface: "a;b"   | spec.interface
            port: 1790          | port: 0            | spec.port: has to be 1 to 65535
            holdTime: 30        | holdTime: 2        | spec.holdTime: has to be 3 to 65535
            passwordKey: rack-a | passwordKey: a/b   | spec.passwordKey
            passwordKey: rack-a | passwordKey: ..    | spec.passwordKey
            passwordKey: rack-a | multihop: 2        | spec.multihop
            interval: 100       | interval: 1        | spec.bfd.interval
            multiplier: 5       | multiplier: 1      | spec.bfd.multiplier
            maxLength: 24       | maxLength: 33      | spec.accept[1].minLength
            minLength: 16       | minLength: 4       | spec.accept[1].minLength
            10.0.0.7/8          | 10.0.0.0           | spec.accept[1].cidr
            """)
    void whatMakesNoSenseIsNamedByItsField(String right, String wrong, String named) {
        String text = PEER.replace(right, wrong);
        assertThat(text).isNotEqualTo(PEER);

        ObjectForm.Reading<BgpPeer> reading = ApiKinds.BGP_PEERS.read(ManifestFileTest.yaml(text));

        assertThat(reading.object()).isEmpty();
        assertThat(reading.faults())
                .extracting(ManifestFault::reason)
                .anySatisfy(reason -> assertThat(reason).contains(named));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            64512:100        | 65536:1       | spec.communities[0]
            64512:100        | 1:2:3:4       | spec.communities[0]
            LoadBalancerIP   | NodePort      | spec.services[0]
            198.51.100.0/24  | 198.51.100.0  | spec.aggregates[0]
            4294967295       | -1            | spec.localPreference
            podCidrs: true   | podCidr: true | is an unknown field
            """)
    void whatMakesNoSenseOfAnAdvertisementIsNamedByItsField(String right, String wrong, String named) {
        ObjectForm.Reading<BgpAdvertisement> reading =
                ApiKinds.BGP_ADVERTISEMENTS.read(ManifestFileTest.yaml(ADVERTISEMENT.replace(right, wrong)));

        assertThat(reading.object()).isEmpty();
        assertThat(reading.faults())
                .extracting(ManifestFault::reason)
                .anySatisfy(reason -> assertThat(reason).contains(named));
    }

    @Test
    void advertisementOfNothingIsAFault() {
        assertThat(ApiKinds.BGP_ADVERTISEMENTS
                        .read(ManifestFileTest.yaml("{metadata: {name: a}, spec: {podCidrs: false}}"))
                        .faults())
                .hasSize(1);
    }

    @Test
    void neitherKindKeepsANodeUnreadyWhereItIsNotInstalled() {
        assertThat(ApiKinds.BGP_PEERS.isOptional()).isTrue();
        assertThat(ApiKinds.BGP_ADVERTISEMENTS.isOptional()).isTrue();
    }
}
