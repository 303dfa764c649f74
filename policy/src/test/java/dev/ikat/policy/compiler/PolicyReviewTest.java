package dev.ikat.policy.compiler;

import static dev.ikat.policy.compiler.ClusterText.added;
import static dev.ikat.policy.compiler.ClusterText.anyOf;
import static dev.ikat.policy.compiler.ClusterText.egress;
import static dev.ikat.policy.compiler.ClusterText.ingress;
import static dev.ikat.policy.compiler.ClusterText.isolated;
import static dev.ikat.policy.compiler.ClusterText.namespaces;
import static dev.ikat.policy.compiler.ClusterText.on;
import static dev.ikat.policy.compiler.ClusterText.onHostNetwork;
import static dev.ikat.policy.compiler.ClusterText.pod;
import static dev.ikat.policy.compiler.ClusterText.pods;
import static dev.ikat.policy.compiler.ClusterText.port;
import static dev.ikat.policy.compiler.ClusterText.removed;
import static dev.ikat.policy.compiler.ClusterText.tcp;
import static dev.ikat.policy.compiler.ClusterText.withPorts;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.NetworkPolicy.IpBlock;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.NetworkPolicy.Rule;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is found in policies that are valid, and what is not. */
class PolicyReviewTest {
    private static final LabelSelector WEB = LabelSelector.of("app", "web");
    private static final Pod WEB_POD =
            withPorts(pod("shop", "web", "10.0.0.1", "app", "web"), new Pod.NamedPort("http", Protocol.TCP, 80));

    private final PolicyCompiler compiler = new PolicyCompiler("node");

    private List<String> findings(NetworkPolicy policy) {
        compiler.update(added(
                new Namespace("shop", Labels.of("kubernetes.io/metadata.name", "shop", "team", "a")),
                new Namespace("empty", Labels.of("kubernetes.io/metadata.name", "empty", "team", "b")),
                new Namespace("system", Labels.of("kubernetes.io/metadata.name", "system", "team", "c")),
                WEB_POD,
                pod("shop", "db", "10.0.0.2", "app", "db"),
                onHostNetwork(pod("system", "exporter", "192.0.2.1", "app", "exporter")),
                policy));
        List<String> found = compiler.review().findings().stream()
                .map(finding -> finding.field() + ": " + finding.text())
                .toList();
        assertThat(compiler.review().policies()).isEqualTo(1);
        compiler.update(removed(policy));
        return found;
    }

    @Test
    void policyThatHasAnEffectIsNotListed() {
        assertThat(findings(ingress(
                        "shop",
                        "p",
                        WEB,
                        on(
                                anyOf(pods("app", "db"), namespaces("team", "a")),
                                tcp(80),
                                port(Protocol.TCP, new PortName("http"))))))
                .isEmpty();
        assertThat(findings(isolated("empty", "default-deny", LabelSelector.EVERYTHING)))
                .as("is often there before the first pod")
                .isEmpty();
        assertThat(findings(egress(
                        "shop",
                        "p",
                        WEB,
                        on(new Rule(List.of(), List.of()), port(Protocol.TCP, new PortName("http"))))))
                .isEmpty();
    }

    @Test
    void policyThatSelectsNothing() {
        assertThat(findings(ingress("shop", "p", LabelSelector.of("app", "wbe"))))
                .containsExactly("spec.podSelector: no pod of namespace 'shop' has the labels app=wbe");
        assertThat(findings(ingress("system", "p", LabelSelector.of("app", "exporter"))))
                .containsExactly(
                        "spec.podSelector: every pod that it selects shares its node's network, where policies do not apply");
        assertThat(findings(ingress("shpo", "p", LabelSelector.EVERYTHING)))
                .containsExactly("metadata.namespace: there is no namespace 'shpo'");
    }

    @Test
    void peersThatSelectNothing() {
        assertThat(findings(ingress(
                        "shop",
                        "p",
                        WEB,
                        anyOf(pods("app", "db"), pods("app", "bd"), namespaces("team", "x")),
                        anyOf(
                                namespaces("kubernetes.io/metadata.name", "shpo"),
                                namespaces("team", "b"),
                                namespaces("team", "c")))))
                .containsExactly(
                        "spec.ingress[0].from[1].podSelector: no pod of namespace 'shop' has the labels app=bd",
                        "spec.ingress[0].from[2].namespaceSelector: no namespace has the labels team=x",
                        "spec.ingress[1].from[0].namespaceSelector: there is no namespace 'shpo'",
                        "spec.ingress[1].from[1]: the namespaces that it selects have no pod",
                        "spec.ingress[1].from[2]: every pod that it selects shares its node's network, so that its "
                                + "packets have the node's address; only an ipBlock allows those");
        assertThat(findings(egress("shop", "p", WEB, anyOf(pods("app", "bd")))))
                .containsExactly("spec.egress[0].to[0].podSelector: no pod of namespace 'shop' has the labels app=bd");
    }

    @Test
    void portsThatNoPodHas() {
        Rule named = on(anyOf(pods("app", "web")), port(Protocol.UDP, new PortName("http")));
        assertThat(findings(ingress("shop", "p", WEB, named)))
                .containsExactly("spec.ingress[0].ports[0].port: no pod that it is about has a port named 'http' of "
                        + "protocol UDP; they have http (TCP)");
        assertThat(findings(egress("shop", "p", LabelSelector.of("app", "db"), named)))
                .containsExactly("spec.egress[0].ports[0].port: no pod that it is about has a port named 'http' of "
                        + "protocol UDP; they have http (TCP)");
        assertThat(findings(ingress("shop", "p", LabelSelector.of("app", "db"), named)))
                .containsExactly("spec.ingress[0].ports[0].port: no pod that it is about has a port named 'http' of "
                        + "protocol UDP; their ports have no names");
        assertThat(findings(egress(
                        "shop",
                        "p",
                        WEB,
                        on(
                                anyOf(new IpBlock(Cidr.parse("192.0.2.0/24"), List.of())),
                                port(Protocol.TCP, new PortName("http"))))))
                .containsExactly("spec.egress[0].ports[0].port: addresses have no ports with names: port 'http' of an "
                        + "ipBlock is none");
    }

    @Test
    void rulesOfADirectionThatIsNotRestricted() {
        assertThat(findings(new NetworkPolicy(
                        "shop", "p", WEB, Set.of(Direction.INGRESS), List.of(), List.of(anyOf(pods("app", "bd"))))))
                .containsExactly("spec.egress: has no effect, because spec.policyTypes lacks Egress");
    }
}
