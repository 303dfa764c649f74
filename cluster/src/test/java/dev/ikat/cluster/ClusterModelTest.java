package dev.ikat.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ClusterModelTest {
    @Test
    void nodeKnowsItsAddressOfEachFamily() {
        Node node = new Node(
                "worker-1",
                Labels.NONE,
                List.of(Cidr.parse("10.1.0.0/24"), Cidr.parse("fd00:1::/64")),
                List.of(IpAddress.parse("fd99::1"), IpAddress.parse("192.0.2.1"), IpAddress.parse("192.0.2.2")));

        assertThat(node.internalIp(IpFamily.IPV4)).contains(IpAddress.parse("192.0.2.1"));
        assertThat(node.key()).hasToString("Node worker-1");
    }

    @Test
    void faultNamesObjectAndField() {
        assertThatThrownBy(() -> new Node(
                        "worker-1",
                        Labels.NONE,
                        List.of(Cidr.parse("10.1.0.0/24"), Cidr.parse("10.2.0.0/24")),
                        List.of()))
                .hasMessage("Node worker-1: spec.podCIDRs: two blocks of one address family:"
                        + " [10.1.0.0/24, 10.2.0.0/24]");
        assertThatThrownBy(() -> new Node("worker-1", Labels.NONE, List.of(), List.of(IpAddress.parse("127.0.0.1"))))
                .hasMessage("Node worker-1: status.addresses: no other node can reach 127.0.0.1");
        assertThatThrownBy(() -> pod("Shop", "web"))
                .hasMessageStartingWith("Pod Shop/web: " + "metadata.namespace: invalid name 'Shop'");
        assertThatThrownBy(() -> pod("shop", "")).hasMessage("Pod shop/: metadata.name: is missing");
        assertThatThrownBy(() ->
                        new NetworkPolicy("shop", "front", LabelSelector.EVERYTHING, Set.of(), List.of(), List.of()))
                .hasMessageStartingWith("NetworkPolicy shop/front: spec.policyTypes: ");
    }

    private static Pod pod(String namespace, String name) {
        return new Pod(
                namespace,
                name,
                Labels.of("app", "web"),
                Optional.of("worker-1"),
                List.of(),
                false,
                Pod.Phase.RUNNING,
                List.of(new Pod.NamedPort("dns", Protocol.UDP, 53), new Pod.NamedPort("http", Protocol.TCP, 8080)));
    }

    @Test
    void podPortIsFoundByNameAndProtocol() {
        assertThat(pod("shop", "web").port("dns", Protocol.UDP)).contains(53);
        assertThat(pod("shop", "web").port("dns", Protocol.TCP)).isEmpty();
    }

    @Test
    void namespaceHasItsNameAsALabel() {
        assertThat(new Namespace("shop", Labels.NONE).labels()).hasToString("kubernetes.io/metadata.name=shop");
        assertThatThrownBy(() -> new Namespace("shop", Labels.of(Namespace.NAME_LABEL, "other")))
                .hasMessageContaining("not the namespace's name");
    }

    @ParameterizedTest
    @CsvSource({
        "IN, web, true",
        "IN, db, false",
        "IN, '', false",
        "NOT_IN, web, false",
        "NOT_IN, db, true",
        "NOT_IN, '', true",
        "EXISTS, web, true",
        "EXISTS, '', false",
        "DOES_NOT_EXIST, web, false",
        "DOES_NOT_EXIST, '', true",
    })
    void requirementMatchesAsKubernetesSays(Operator operator, String value, boolean matches) {
        Set<String> values = operator == Operator.IN || operator == Operator.NOT_IN ? Set.of("web", "cache") : Set.of();
        Requirement requirement = new Requirement("app", operator, values);
        Labels labels = value.isEmpty() ? Labels.of("tier", "front") : Labels.of("app", value);

        assertThat(requirement.matches(labels)).isEqualTo(matches);
    }

    @Test
    void wrongPartsSayTheirField() {
        assertThatThrownBy(() -> new Requirement("app", Operator.IN, Set.of()))
                .hasMessage("values: operator In needs at least one value");
        assertThatThrownBy(() -> new Requirement("app", Operator.EXISTS, Set.of("web")))
                .hasMessage("values: operator Exists takes no values");
        assertThatThrownBy(() -> Labels.of("-app", "web")).hasMessageContaining("invalid label key '-app'");
        assertThatThrownBy(() -> Labels.of("example.com/app", "a b")).hasMessageContaining("invalid label value 'a b'");
        assertThatThrownBy(() -> new NetworkPolicy.PortNumbers(443, 80)).hasMessage("endPort: 80 is below port 443");
        assertThatThrownBy(() -> new NetworkPolicy.PortNumbers(0, 80))
                .hasMessage("port: invalid port number 0: it has to be 1 to 65535");
        assertThatThrownBy(() -> new NetworkPolicy.PortName("HTTP")).hasMessageContaining("invalid port name 'HTTP'");
        assertThatThrownBy(() -> new NetworkPolicy.PortName("80")).hasMessageContaining("at least one letter");
        assertThatThrownBy(() -> new NetworkPolicy.SelectedPods(Optional.empty(), Optional.empty()))
                .hasMessageContaining("a peer needs podSelector");
        assertThatThrownBy(
                        () -> new NetworkPolicy.IpBlock(Cidr.parse("10.0.0.0/8"), List.of(Cidr.parse("11.0.0.0/16"))))
                .hasMessage("except: 11.0.0.0/16 is not a smaller block within 10.0.0.0/8");
    }

    @Test
    void changeIsWhatDiffers() {
        Pod web = pod("shop", "web");
        Pod db = pod("shop", "db");
        Namespace before = new Namespace("shop", Labels.NONE);
        Namespace after = new Namespace("shop", Labels.of("tier", "front"));

        ClusterChange change = ClusterChange.between(
                Map.of(web.key(), web, before.key(), before), Map.of(db.key(), db, after.key(), after));

        assertThat(change.added()).containsExactly(db);
        assertThat(change.updated()).containsExactly(new ClusterChange.Update(before, after));
        assertThat(change.removed()).containsExactly(web);
        assertThat(ClusterChange.between(Map.of(web.key(), web), Map.of(web.key(), web))
                        .isEmpty())
                .isTrue();
    }
}
