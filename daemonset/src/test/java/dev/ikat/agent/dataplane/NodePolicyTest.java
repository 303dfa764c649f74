package dev.ikat.agent.dataplane;

import static dev.ikat.policy.compiler.ClusterText.added;
import static dev.ikat.policy.compiler.ClusterText.pod;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.TestOptions;
import dev.ikat.agent.policy.PolicyReport;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.agent.reconcile.ReconcileLoop.Reconciliation;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.cni.PodPolicy;
import dev.ikat.dataplane.Capability;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.netlink.route.FakeNetlink;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestDirectory;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class NodePolicyTest {
    private final FakeKernel kernel = new FakeKernel();
    private final FakeDataplane nftables = new FakeDataplane(kernel, "nftables").watched();
    private final FakeDataplane iptables = new FakeDataplane(kernel, "iptables");
    private final FakeDataplane ebpf = new FakeDataplane(kernel, "ebpf", EnumSet.of(Capability.POLICY));
    private final Map<Backend, FakeDataplane> all =
            Map.of(Backend.NFTABLES, nftables, Backend.IPTABLES, iptables, Backend.EBPF, ebpf);
    private final TestDirectory directory = TestDirectory.create();
    private final LeaseStore leases = LeaseStore.open(directory.path().resolve("leases"), Clock.systemUTC());
    private final AtomicLong nanos = new AtomicLong();
    private final Semaphore needed = new Semaphore(0);
    private final Map<Part, Reconciliation> parts = new EnumMap<>(Part.class);

    /** Set by {@link #start}, with which each test begins. */
    @SuppressWarnings("NullAway.Init")
    private Dataplanes dataplanes;

    @SuppressWarnings("NullAway.Init")
    private NodePolicy policy;

    private void start(String backend) {
        PolicySettings settings = TestOptions.of(
                        "--policy-backend=" + backend, "--cut-connections=false", "--drop-log-group=off")
                .policy();
        PolicyReport report = new PolicyReport(settings, new FakeNetlink(), new PrometheusRegistry(), needed::release);
        dataplanes = new Dataplanes(Map.copyOf(all), settings.backend());
        policy = NodePolicy.start("a", settings, dataplanes, leases, report, nanos::get);
        policy.register(parts::put);
    }

    @AfterEach
    void close() {
        policy.close();
        leases.close();
        directory.close();
    }

    private int reconcile() {
        return Objects.requireNonNull(parts.get(Part.POLICY)).run();
    }

    /** The cluster is known; the thread that keeps policy says that there is something to do now. */
    private void clusterIsKnown() throws InterruptedException {
        policy.changed(added(pod("shop", "one", "10.0.0.1"), pod("shop", "other", "10.0.0.1")));
        needed.acquire();
    }

    @Test
    void policyWaitsForTheCluster() throws Exception {
        start("nftables");
        assertThatThrownBy(this::reconcile)
                .isInstanceOf(NotYetException.class)
                .hasMessage("the cluster's policies are not read yet");
        assertThat(kernel.steps()).isEmpty();
        clusterIsKnown();
        assertThat(reconcile()).isZero();
        assertThat(kernel.kinds()).containsExactly("nftables");
        assertThat(policy.contests()).hasSize(1);
        assertThat(policy.podPolicy()).isNotSameAs(PodPolicy.NONE);
    }

    @Test
    void whatAnAgentOfAnotherBackendLeftGoesWhenPolicyIsInForce() throws Exception {
        iptables.policy().replace(PolicyProgram.EMPTY);
        start("nftables");
        clusterIsKnown();
        reconcile();
        assertThat(kernel.steps()).containsExactly("iptables replace", "nftables replace", "iptables remove policy");
        ebpf.policy().replace(PolicyProgram.EMPTY);
        reconcile();
        assertThat(kernel.kinds()).as("once is enough").containsExactly("ebpf", "nftables");
    }

    @Test
    void chosenBackendTakesThePlaceOfTheFormer() throws Exception {
        start("nftables");
        clusterIsKnown();
        reconcile();
        assertThat(policy.isUnwatched()).isFalse();

        dataplanes.choose(Backend.EBPF);
        assertThat(reconcile()).isZero();

        assertThat(kernel.steps())
                .containsExactly("nftables replace", "nftables hand over", "ebpf replace", "nftables remove policy");
        assertThat(policy.isUnwatched()).isTrue();
        assertThat(reconcile()).isZero();
    }

    @Test
    void backendThatIsRefusedIsSaidAndTriedAgainWhileTheFormerEnforces() throws Exception {
        start("nftables");
        assertThat(policy.state().notInForce()).isPresent();
        clusterIsKnown();
        reconcile();
        assertThat(policy.state()).isEqualTo(new PolicyState(Backend.NFTABLES, Optional.empty(), Optional.empty()));

        dataplanes.choose(Backend.IPTABLES);
        kernel.refuse("iptables", "no memory");
        reconcile();
        assertThat(kernel.kinds()).containsExactly("nftables");
        assertThat(policy.state().backend()).isEqualTo(Backend.NFTABLES);
        assertThat(policy.state().notInForce()).isEmpty();
        assertThat(policy.state().refused().orElseThrow())
                .isEqualTo("policy-backend iptables is refused, and nftables enforces policies as before: no memory;"
                        + " provide what it lacks, or set policy-backend to nftables again");
        assertThat(policy.isUnwatched()).as("the former tells").isFalse();

        kernel.accept("iptables");
        reconcile();
        assertThat(kernel.kinds()).as("not so soon").containsExactly("nftables");
        nanos.addAndGet(Duration.ofSeconds(15).toNanos());
        reconcile();
        assertThat(kernel.kinds()).containsExactly("iptables");
        assertThat(policy.state()).isEqualTo(new PolicyState(Backend.IPTABLES, Optional.empty(), Optional.empty()));
    }

    @Test
    void formerIsRepairedWhereTheOtherIsRefused() throws Exception {
        start("nftables");
        clusterIsKnown();
        reconcile();
        dataplanes.choose(Backend.IPTABLES);
        kernel.refuse("iptables", "no memory");
        reconcile();
        kernel.flush("nftables");
        reconcile();
        assertThat(kernel.kinds()).containsExactly("nftables");
    }

    @Test
    void refusalIsForgottenWhenTheFormerIsChosenAgain() throws Exception {
        start("nftables");
        clusterIsKnown();
        reconcile();
        dataplanes.choose(Backend.IPTABLES);
        kernel.refuse("iptables", "no memory");
        reconcile();
        dataplanes.choose(Backend.NFTABLES);
        reconcile();
        assertThat(policy.state().refused()).isEmpty();
    }

    @Test
    void withoutABackendPodsAreKeptToNothingAndFormerPoliciesGo() {
        nftables.policy().replace(PolicyProgram.EMPTY);
        start("none");
        policy.changed(added(pod("shop", "one", "10.0.0.1")));
        assertThat(reconcile()).isZero();
        assertThat(kernel.kinds()).isEmpty();
        assertThat(policy.podPolicy()).isSameAs(PodPolicy.NONE);
        assertThat(policy.contests()).isEmpty();
        assertThat(policy.isUnwatched()).isFalse();
    }

    @Test
    void policyStaysInForceWhenItIsClosed() throws Exception {
        start("nftables");
        clusterIsKnown();
        reconcile();
        policy.close();
        assertThat(kernel.kinds()).containsExactly("nftables");
    }
}
