package dev.ikat.policy.compiler;

import static dev.ikat.policy.compiler.ClusterText.added;
import static dev.ikat.policy.compiler.ClusterText.anyOf;
import static dev.ikat.policy.compiler.ClusterText.egress;
import static dev.ikat.policy.compiler.ClusterText.endpoint;
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
import static dev.ikat.policy.compiler.ClusterText.updated;
import static dev.ikat.policy.compiler.ClusterText.withLabels;
import static dev.ikat.policy.compiler.ClusterText.withPorts;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.NetworkPolicy.PortName;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.SetMember.AddressMember;
import dev.ikat.policy.program.SetMember.PortMember;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class PolicyCompilerTest {
    private static final InterfaceName WEB = new InterfaceName("ik-web");

    private final PolicyCompiler compiler = new PolicyCompiler("node");

    @Test
    void podThatNoPolicySelectsIsOpen() {
        compiler.update(added(
                pod("shop", "web", "", "app", "web"), isolated("shop", "db-only", LabelSelector.of("app", "db"))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(compiler.podProgram(WEB).orElseThrow().ingress().isOpen()).isTrue();
        assertThat(compiler.program().sets()).isEmpty();
    }

    @Test
    void selectedPodAcceptsWhatAnyPolicyAllowsAndSaysWhichIsolateIt() {
        compiler.update(added(
                pod("shop", "web", "", "app", "web"),
                pod("shop", "front", "10.0.1.1", "app", "front"),
                pod("shop", "other", "10.0.1.2", "app", "other"),
                isolated("shop", "all", LabelSelector.EVERYTHING),
                ingress("shop", "web", LabelSelector.of("app", "web"), on(anyOf(pods("app", "front")), tcp(80)))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(ask("10.0.1.1", "10.0.0.1", 80))
                .isEqualTo("accepted; ingress of Pod shop/web: accepted by NetworkPolicy shop/web ingress[0],"
                        + " 10.0.1.1 is one of: pods with app=front in namespace shop");
        assertThat(ask("10.0.1.2", "10.0.0.1", 80))
                .isEqualTo("denied; ingress of Pod shop/web: denied, because no rule of NetworkPolicy shop/all,"
                        + " NetworkPolicy shop/web allows it");
        assertThat(ask("10.0.1.1", "10.0.0.1", 81)).startsWith("denied");
        assertThat(ask("10.0.0.1", "10.0.1.1", 80)).startsWith("denied; egress of Pod shop/web");
        assertThat(ask("10.0.0.1", "10.0.0.1", 80)).isEqualTo("accepted");
    }

    @Test
    void unknownPodIsHeldToThePoliciesThatSelectEverythingAndIsolatedByAll() {
        compiler.update(added(
                pod("shop", "front", "10.0.1.1"),
                ingress("shop", "any", LabelSelector.EVERYTHING, on(anyOf(pods()), tcp(80))),
                ingress("shop", "db", LabelSelector.of("app", "db"), anyOf())));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(compiler.awaitsLabels(WEB)).isTrue();
        assertThat(ask("10.0.1.1", "10.0.0.1", 80)).startsWith("accepted");
        assertThat(ask("10.0.1.1", "10.0.0.1", 81)).startsWith("denied");
        assertThat(ask("10.0.0.1", "10.0.1.1", 81)).startsWith("accepted");

        compiler.update(added(pod("shop", "web", "", "app", "db")));

        assertThat(compiler.awaitsLabels(WEB)).isFalse();
        assertThat(ask("10.0.1.1", "10.0.0.1", 81)).startsWith("accepted");
    }

    @Test
    void nothingIsAwaitedWherePoliciesSelectEverything() {
        compiler.update(added(isolated("shop", "all", LabelSelector.EVERYTHING)));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(compiler.awaitsLabels(WEB)).isFalse();
        assertThat(compiler.awaitsLabels(new InterfaceName("ik-none"))).isFalse();
    }

    @Test
    void namesOfIngressPortsAreAwaitedToo() {
        compiler.update(added(ingress("shop", "all", LabelSelector.EVERYTHING, on(anyOf(), named("http")))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(compiler.awaitsLabels(WEB)).isTrue();
        assertThat(ask("10.0.1.1", "10.0.0.1", 8080)).startsWith("denied");
    }

    @Test
    void podOnTheHostNetworkCannotBeTheOneThatHasTheLink() {
        compiler.update(added(
                onHostNetwork(pod("shop", "web", "192.0.2.1", "app", "web")),
                ingress("shop", "db", LabelSelector.of("app", "db"), anyOf())));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(compiler.awaitsLabels(WEB)).isTrue();
        assertThat(ask("10.0.1.1", "10.0.0.1", 80)).startsWith("denied");
    }

    @Test
    void containerOfNoPodIsOpen() {
        compiler.update(added(isolated("shop", "all", LabelSelector.EVERYTHING)));
        compiler.add(new Endpoint(
                new Attachment(new ContainerId("c"), new InterfaceName("eth0")),
                WEB,
                List.of(IpAddress.parse("10.0.0.1")),
                Optional.empty()));

        assertThat(ask("10.0.1.1", "10.0.0.1", 80)).startsWith("accepted");
    }

    @Test
    void nameOfAnIngressPortMeansTheReceivingPodsNumber() {
        compiler.update(added(
                withPorts(pod("shop", "web", ""), new Pod.NamedPort("http", Protocol.TCP, 8080)),
                withPorts(pod("shop", "db", ""), new Pod.NamedPort("http", Protocol.UDP, 8080)),
                ingress("shop", "all", LabelSelector.EVERYTHING, on(anyOf(), named("http")))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));
        compiler.add(endpoint("shop", "db", "10.0.0.2"));

        assertThat(ask("10.0.1.1", "10.0.0.1", 8080)).startsWith("accepted");
        assertThat(ask("10.0.1.1", "10.0.0.1", 80)).startsWith("denied");
        assertThat(ask("10.0.1.1", "10.0.0.2", 8080)).startsWith("denied");
    }

    @Test
    void nameOfAnEgressPortMeansEachPeersOwnNumber() {
        compiler.update(added(
                pod("shop", "web", ""),
                withPorts(pod("shop", "a", "10.0.1.1"), new Pod.NamedPort("http", Protocol.TCP, 8080)),
                withPorts(pod("shop", "b", "10.0.1.2"), new Pod.NamedPort("http", Protocol.TCP, 9090)),
                pod("shop", "c", "10.0.1.3"),
                egress("shop", "all", LabelSelector.EVERYTHING, on(anyOf(), tcp(53), named("http")))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(ask("10.0.0.1", "10.0.1.1", 8080)).startsWith("accepted");
        assertThat(ask("10.0.0.1", "10.0.1.2", 8080)).startsWith("denied");
        assertThat(ask("10.0.0.1", "10.0.1.2", 9090)).startsWith("accepted");
        assertThat(ask("10.0.0.1", "10.0.1.3", 8080)).startsWith("denied");
        assertThat(ask("10.0.0.1", "10.0.1.3", 53)).startsWith("accepted");
        assertThat(theSet().form()).isEqualTo(AddressSet.Form.PORTS);
        assertThat(theSet().members())
                .contains(new PortMember(IpAddress.parse("10.0.1.1"), Protocol.TCP, 8080))
                .hasSize(2);
    }

    @Test
    void ruleWhosePortsAllMatchNothingNeverBecomesOneForAnyPort() {
        compiler.update(added(
                pod("shop", "web", ""),
                ingress("shop", "in", LabelSelector.EVERYTHING, on(anyOf(), named("none"))),
                egress("shop", "out", LabelSelector.EVERYTHING, on(anyOf(), named("none")))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(ask("10.0.1.1", "10.0.0.1", 80)).startsWith("denied");
        assertThat(ask("10.0.0.1", "10.0.1.1", 80)).startsWith("denied");
    }

    @Test
    void peersOfANamespaceWithoutObjectAreReachedByTheirOwnPoliciesAndByTheEmptySelector() {
        compiler.update(added(
                pod("shop", "web", ""),
                pod("ghost", "x", "10.0.1.1"),
                pod("ghost", "local", ""),
                new Namespace("shop", Labels.NONE),
                ingress("shop", "in", LabelSelector.EVERYTHING, on(anyOf(namespaces()), tcp(80))),
                ingress(
                        "shop",
                        "named",
                        LabelSelector.EVERYTHING,
                        on(anyOf(namespaces("kubernetes.io/metadata.name", "ghost")), tcp(81))),
                ingress("ghost", "in", LabelSelector.EVERYTHING, on(anyOf(pods()), tcp(82)))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));
        compiler.add(endpoint("ghost", "local", "10.0.0.2"));

        assertThat(ask("10.0.1.1", "10.0.0.1", 80)).startsWith("accepted");
        assertThat(ask("10.0.1.1", "10.0.0.1", 81)).startsWith("denied");
        assertThat(ask("10.0.1.1", "10.0.0.2", 82)).startsWith("accepted");

        compiler.update(added(new Namespace("ghost", Labels.NONE)));

        assertThat(ask("10.0.1.1", "10.0.0.1", 81)).startsWith("accepted");
    }

    @Test
    void localPodsAddressComesFromItsEndpointBeforeItsStatusHasIt() {
        compiler.update(added(
                pod("shop", "web", ""),
                pod("shop", "front", ""),
                ingress("shop", "in", LabelSelector.of("none", "none"), anyOf(pods())),
                ingress("shop", "all", LabelSelector.EVERYTHING, anyOf(pods()))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        PolicyChange change = compiler.add(endpoint("shop", "front", "10.0.0.2", "fd00::2"));

        assertThat(change.changedSets())
                .containsEntry(theSet().id(), new PolicyChange.Members(members("10.0.0.2", "fd00::2"), members()));
        assertThat(change.programs()).hasSize(1);
    }

    @Test
    void relabelledPodTouchesOnlyItsSets() {
        Pod front = pod("shop", "front", "10.0.1.1", "app", "front");
        compiler.update(added(
                pod("shop", "web", ""),
                front,
                ingress("shop", "a", LabelSelector.EVERYTHING, anyOf(pods("app", "front"))),
                ingress("shop", "b", LabelSelector.EVERYTHING, anyOf(pods("app", "back"))),
                ingress("shop", "c", LabelSelector.EVERYTHING, anyOf(pods()))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        PolicyChange change = compiler.update(updated(front, withLabels(front, "app", "back")));

        assertThat(change.changedSets().values())
                .containsExactlyInAnyOrder(
                        new PolicyChange.Members(members("10.0.1.1"), members()),
                        new PolicyChange.Members(members(), members("10.0.1.1")));
        assertThat(change.programs()).isEmpty();
    }

    @Test
    void addressOfTwoPodsStaysUntilBothAreGone() {
        Pod old = pod("shop", "old", "10.0.1.1", "app", "front");
        Pod young = pod("shop", "young", "10.0.1.1", "app", "front");
        compiler.update(added(
                pod("shop", "web", ""),
                old,
                young,
                ingress("shop", "a", LabelSelector.EVERYTHING, anyOf(pods("app", "front")))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));

        assertThat(compiler.update(removed(old)).isEmpty()).isTrue();
        assertThat(theSet().members()).isEqualTo(members("10.0.1.1"));
        assertThat(compiler.update(removed(young)).changedSets()).hasSize(1);
        assertThat(theSet().members()).isEmpty();
    }

    @Test
    void equalSelectorsShareASetUntilTheLastRuleGoes() {
        var policy = ingress("shop", "a", LabelSelector.of("app", "web"), anyOf(pods("app", "front")));
        compiler.update(added(
                pod("shop", "web", "", "app", "web"),
                policy,
                egress("shop", "b", LabelSelector.of("app", "web"), anyOf(pods("app", "front")))));
        compiler.add(endpoint("shop", "web", "10.0.0.1"));
        assertThat(compiler.program().sets()).hasSize(1);

        assertThat(compiler.update(removed(policy)).removedSets()).isEmpty();
        PolicyChange last = compiler.remove(WEB);

        assertThat(last.removedSets()).hasSize(1);
        assertThat(last.removedPods()).hasSize(1);
        assertThat(compiler.program().sets()).isEmpty();
        assertThat(compiler.remove(WEB).isEmpty()).isTrue();
    }

    private String ask(String source, String destination, int port) {
        Flow flow = Flow.of(IpAddress.parse(source), IpAddress.parse(destination), Protocol.TCP, port);
        return new Evaluator(compiler.program()).evaluate(flow).toString();
    }

    private AddressSet theSet() {
        assertThat(compiler.program().sets()).hasSize(1);
        return compiler.program().sets().values().iterator().next();
    }

    private static java.util.Set<SetMember> members(String... addresses) {
        return java.util.Arrays.stream(addresses)
                .map(address -> (SetMember) new AddressMember(IpAddress.parse(address)))
                .collect(java.util.stream.Collectors.toSet());
    }

    private static dev.ikat.cluster.NetworkPolicy.PortRule named(String name) {
        return port(Protocol.TCP, new PortName(name));
    }
}
