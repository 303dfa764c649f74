package dev.ikat.agent.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.config.ServiceOptions;
import dev.ikat.agent.config.ServiceOptions.Mode;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ServiceCidr;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** When services come in force, and what becomes of them where the kernel refuses or a kube-proxy is there. */
@RequiresRoot
@RequiresProgram({"nft", "curl"})
class ServiceKeeperTest {
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final int KUBE_PROXY_PORT = 10256;
    private static final Node NODE =
            new Node("a", Labels.NONE, List.of(Cidr.parse("10.1.0.0/24")), List.of(IpAddress.parse("192.0.2.1")));
    private static final ServiceCidr CIDR = new ServiceCidr("kubernetes", List.of(Cidr.parse("10.96.0.0/16")));

    private final TestNamespace host = namespaceWithLoopback();
    private final NetworkNamespace namespace = NetworkNamespace.open(host.path());
    private final FakeKernel kernel = new FakeKernel();
    private final AtomicInteger needed = new AtomicInteger();
    private Optional<ServiceKeeper> opened = Optional.empty();

    private static TestNamespace namespaceWithLoopback() {
        TestNamespace made = TestNamespace.create();
        made.ip("link", "set", "lo", "up");
        return made;
    }

    @AfterEach
    void close() {
        opened.ifPresent(ServiceKeeper::close);
        namespace.close();
        host.close();
    }

    private ServiceKeeper open(Mode mode) {
        Dataplanes dataplanes =
                new Dataplanes(Map.of(Backend.NFTABLES, new FakeDataplane(kernel, "nftables")), Backend.NFTABLES);
        ServiceKeeper keeper = namespace.call(() -> new ServiceKeeper(
                "a",
                new ServiceOptions(mode, true, List.of(), false, KUBE_PROXY_PORT),
                dataplanes,
                Set::of,
                new PrometheusRegistry(),
                needed::incrementAndGet));
        opened = Optional.of(keeper.start());
        return keeper;
    }

    private int reconcile(ServiceKeeper keeper) {
        return namespace.call(keeper::reconcile);
    }

    private static ClusterChange added(ClusterObject object) {
        return new ClusterChange(List.of(object), List.of(), List.of());
    }

    /** The agent has heard of the cluster for the first time. */
    private void begin(ServiceKeeper keeper) {
        keeper.changed(added(NODE));
        Await.until(LIMIT, () -> "reconciliation is not asked for", () -> needed.get() == 1);
    }

    private Set<Cidr> serviceCidrs() {
        return kernel.serviceProgram("nftables").orElseThrow().serviceCidrs();
    }

    @Test
    void nothingIsInForceBeforeTheClusterIsRead() {
        ServiceKeeper keeper = open(Mode.TRUE);

        assertThatThrownBy(() -> reconcile(keeper)).isInstanceOf(NotYetException.class);
        assertThat(kernel.kinds(Capability.SERVICES)).isEmpty();
        assertThat(keeper.state().reason()).contains("they are not in force yet");
    }

    @Test
    void changesComeInForceByThemselvesOnceAllIs() {
        ServiceKeeper keeper = open(Mode.TRUE);
        begin(keeper);
        reconcile(keeper);
        assertThat(keeper.state().dataplane()).contains("nftables");

        keeper.changed(added(CIDR));

        Await.until(
                LIMIT, () -> "the change is not in force", () -> serviceCidrs().equals(Set.copyOf(CIDR.cidrs())));
        assertThat(needed).hasValue(1);
    }

    @Test
    void whatTheKernelRefusesIsPutInForceAsAWholeLater() {
        ServiceKeeper keeper = open(Mode.TRUE);
        begin(keeper);
        reconcile(keeper);
        kernel.refuse("nftables", "no memory");

        keeper.changed(added(CIDR));
        Await.until(LIMIT, () -> "reconciliation is not asked for again", () -> needed.get() == 2);
        assertThat(keeper.state().reason())
                .hasValueSatisfying(reason -> assertThat(reason).contains("no memory"));
        assertThatThrownBy(() -> reconcile(keeper)).isInstanceOf(PolicyBackendException.class);
        kernel.accept("nftables");
        reconcile(keeper);

        assertThat(serviceCidrs()).isEqualTo(Set.copyOf(CIDR.cidrs()));
        assertThat(keeper.state().reason()).isEmpty();
    }

    @Test
    void whatSomebodyRemovesIsRepaired() {
        ServiceKeeper keeper = open(Mode.TRUE);
        begin(keeper);
        reconcile(keeper);
        kernel.flush("nftables");

        assertThat(reconcile(keeper)).isEqualTo(1);

        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("nftables");
    }

    /** {@code services: auto} looks for a kube-proxy by the same port. */
    @Test
    void ownHealthPortIsNotTakenForAKubeProxysAlsoByTheNextAgent() {
        ServiceKeeper keeper = open(Mode.AUTO);
        begin(keeper);
        reconcile(keeper);
        assertThat(health()).isEqualTo("200");

        reconcile(keeper);
        assertThat(keeper.state().dataplane()).contains("nftables");
        keeper.close();
        needed.set(0);
        ServiceKeeper next = open(Mode.AUTO);
        begin(next);
        reconcile(next);

        assertThat(next.state().dataplane()).contains("nftables");
        assertThat(next.state().findings()).isEmpty();
        assertThat(health()).isEqualTo("200");
    }

    @Test
    void healthPortGoesWithServices() {
        host.exec("nft", "add", "table", "ip", "kube-proxy");
        ServiceKeeper keeper = open(Mode.AUTO);
        begin(keeper);
        reconcile(keeper);
        assertThat(health()).isEqualTo("000");

        host.exec("nft", "delete", "table", "ip", "kube-proxy");
        reconcile(keeper);
        assertThat(health()).isEqualTo("200");
    }

    @Test
    void nodeThatIsBeingDeletedIsNotHealthy() {
        ServiceKeeper keeper = open(Mode.TRUE);
        begin(keeper);
        reconcile(keeper);
        Node leaving = new Node(NODE.name(), NODE.labels(), NODE.podCidrs(), NODE.internalIps(), NODE.created(), true);

        keeper.changed(new ClusterChange(List.of(), List.of(new ClusterChange.Update(NODE, leaving)), List.of()));

        Await.until(LIMIT, () -> "it is " + health(), () -> health().equals("503"));
    }

    /** The status that a load balancer gets; 000 if nobody listens. */
    private String health() {
        return host.exec(
                "sh",
                "-c",
                "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:" + KUBE_PROXY_PORT + "/healthz || true");
    }

    @Test
    void autoLeavesServicesToAKubeProxyThatIsThereAndTakesThemWhenItsRulesAreGone() {
        host.exec("nft", "add", "table", "ip", "kube-proxy");
        ServiceKeeper keeper = open(Mode.AUTO);
        begin(keeper);
        reconcile(keeper);
        assertThat(kernel.kinds(Capability.SERVICES)).isEmpty();
        assertThat(keeper.state().reason())
                .hasValueSatisfying(reason -> assertThat(reason).contains("the nftables table ip kube-proxy"));

        host.exec("nft", "delete", "table", "ip", "kube-proxy");
        reconcile(keeper);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("nftables");
    }

    /** They are not left to it before it has had time for its rules. */
    @Test
    void rulesThatComeAreNamedAndServicesGoOn() {
        ServiceKeeper keeper = open(Mode.AUTO);
        begin(keeper);
        reconcile(keeper);
        assertThat(namespace.call(keeper::isConcerned)).isFalse();

        host.exec("nft", "add", "table", "ip", "kube-proxy");
        assertThat(namespace.call(keeper::isConcerned)).isTrue();
        reconcile(keeper);
        assertThat(kernel.kinds(Capability.SERVICES)).containsExactly("nftables");
        assertThat(keeper.state().findings())
                .anySatisfy(finding -> assertThat(finding).contains("the nftables table ip kube-proxy"));
    }
}
