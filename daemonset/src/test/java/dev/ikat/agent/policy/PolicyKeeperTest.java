package dev.ikat.agent.policy;

import static dev.ikat.policy.compiler.ClusterText.added;
import static dev.ikat.policy.compiler.ClusterText.anyOf;
import static dev.ikat.policy.compiler.ClusterText.ingress;
import static dev.ikat.policy.compiler.ClusterText.isolated;
import static dev.ikat.policy.compiler.ClusterText.pod;
import static dev.ikat.policy.compiler.ClusterText.pods;
import static dev.ikat.policy.compiler.ClusterText.removed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.Protocol;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniException;
import dev.ikat.cni.PodLink;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ipam.Lease;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Flow;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class PolicyKeeperTest {
    private static final IpAddress CLIENT = IpAddress.parse("10.0.1.1");
    private static final IpAddress STRANGER = IpAddress.parse("10.0.1.2");
    /** Lets clients, and nobody else, connect to the pods with app=web. */
    private static final NetworkPolicy WEB =
            ingress("shop", "web", LabelSelector.of("app", "web"), anyOf(pods("app", "client")));

    private final KeptPolicy kept = new KeptPolicy();
    private final PolicyKeeper keeper = kept.keeper;

    @AfterEach
    void close() {
        kept.close();
    }

    private static InterfaceName hostInterface(Lease lease) {
        return PodLink.of(lease.attachment()).hostName();
    }

    private boolean passes(IpAddress from, Lease to) {
        return kept.kernel.passes(Flow.of(from, KeptPolicy.address(to), Protocol.TCP, 80));
    }

    private static void assertRefused(PolicyWaiter waiter, String message, String details) {
        assertThatThrownBy(waiter::await).isInstanceOfSatisfying(CniException.class, refused -> {
            assertThat(refused.error()).isEqualTo(CniError.TRY_AGAIN_LATER);
            assertThat(refused).hasMessage(message);
            assertThat(refused.details()).contains(details);
        });
    }

    @Test
    void addIsAnsweredWhenTheKernelEnforcesItsPodsPolicy() throws Exception {
        kept.inForce(WEB, pod("shop", "web", "", "app", "web"), pod("shop", "client", "10.0.1.1", "app", "client"));
        Lease web = kept.lease("web");

        kept.wire(web);

        assertThat(passes(CLIENT, web)).isTrue();
        assertThat(passes(STRANGER, web)).isFalse();
        assertThat(kept.told).containsExactly("in force: 1 pods");
        assertThat(kept.timed()).isEqualTo(1);
        assertThat(keeper.endpointCount()).isEqualTo(1);
    }

    @Test
    void nothingIsInForceBeforeTheClusterIsKnown() throws Exception {
        assertThat(keeper.waitsFor()).contains("the cluster's policies are not read yet");
        assertRefused(kept.add(kept.lease("web")), "the pod's policy is not in force", "it is not in force yet");
        assertThat(kept.kernel.steps()).isEmpty();

        keeper.changed(added());
        keeper.work();

        assertThat(keeper.waitsFor()).isEmpty();
        assertThat(kept.told).containsExactly("needed");
    }

    @Test
    void whatComesAtOnceIsOneChange() throws Exception {
        kept.inForce();
        keeper.changed(added(WEB));
        PolicyWaiter first = (PolicyWaiter) keeper.enforce(kept.lease("first"));
        PolicyWaiter second = (PolicyWaiter) keeper.enforce(kept.lease("second"));
        keeper.changed(added(pod("shop", "first", "", "app", "web"), pod("shop", "second", "")));

        keeper.work();

        first.await();
        second.await();
        assertThat(kept.kernel.steps()).containsExactly("first replace", "first apply");
        assertThat(kept.timed()).isEqualTo(1);
    }

    @Test
    void nothingThatChangesNothingReachesTheKernel() throws Exception {
        kept.inForce();
        keeper.changed(added(isolated("other", "all", LabelSelector.EVERYTHING)));
        keeper.work();
        keeper.work();
        assertThat(kept.kernel.steps()).containsExactly("first replace");
        assertThat(kept.told).isEmpty();
    }

    @Test
    void addWaitsForLabelsThatPoliciesAskFor() throws Exception {
        kept.inForce(WEB);
        PolicyWaiter waiter = kept.add(kept.lease("web"));
        kept.pass(KeptPolicy.PATIENCE.minusMillis(1));
        keeper.work();
        assertThat(waiter.isAnswered()).isFalse();

        keeper.changed(added(pod("shop", "web", "", "app", "web")));
        keeper.work();

        assertThat(waiter.isAnswered()).isTrue();
        waiter.await();
    }

    @Test
    void addIsRefusedWhereLabelsDoNotComeInTime() throws Exception {
        kept.inForce(WEB);
        Lease web = kept.lease("web");
        PolicyWaiter waiter = kept.add(web);

        kept.pass(KeptPolicy.PATIENCE);
        keeper.work();

        assertRefused(
                waiter,
                "the pod's labels are not known",
                "policies of its namespace select by labels, and the cluster has sent no object for Pod shop/web for"
                        + " 2000 ms");
        assertThat(passes(CLIENT, web)).as("until its labels are known").isFalse();
    }

    @Test
    void addOfAnInterfaceThatIsRemovedMeanwhileIsRefused() throws Exception {
        kept.inForce(WEB);
        Lease web = kept.lease("web");
        PolicyWaiter waiter = kept.add(web);

        keeper.release(web);
        keeper.work();

        assertRefused(waiter, "the pod's interface is being removed", "another request is removing it");
        assertThat(keeper.endpointCount()).isZero();
        assertThat(kept.kernel.program("first").orElseThrow().pods()).isEmpty();
    }

    @Test
    void whatTheKernelRefusesIsPutInForceAsAWholeByTheNextReconciliation() throws Exception {
        kept.inForce();
        kept.kernel.refuse("first", "no memory");
        Lease web = kept.activeLease("web");
        assertRefused(kept.add(web), "the pod's policy is not in force", "no memory");
        assertThat(kept.told).containsExactly("needed");

        assertThatThrownBy(keeper::reconcile).isInstanceOf(PolicyBackendException.class);
        assertRefused(kept.add(kept.activeLease("next")), "the pod's policy is not in force", "no memory");

        kept.kernel.accept("first");
        assertThat(keeper.reconcile()).isZero();
        assertThat(kept.told).containsExactly("needed", "all in force");
        assertThat(kept.kernel.program("first").orElseThrow().pods()).containsKey(hostInterface(web));
        kept.wire(kept.lease("last"));
    }

    @Test
    void internalErrorLeavesNobodyWaiting() throws Exception {
        kept.inForce();
        kept.kernel.afterEachStep(() -> {
            throw new IllegalStateException("expected by the test");
        });
        assertRefused(
                kept.add(kept.lease("web")),
                "the pod's policy is not in force",
                "internal error: expected by the test");
        assertThat(kept.told).containsExactly("needed");
    }

    @Test
    void whatSomebodyChangedIsRepairedAndCounted() throws Exception {
        kept.inForce();
        Lease web = kept.activeLease("web");
        kept.wire(web);
        assertThat(keeper.reconcile()).isZero();
        assertThat(kept.backend.isAudited()).as("where nobody touched it").isFalse();

        kept.kernel.damage("first", hostInterface(web));

        assertThat(keeper.reconcile()).isEqualTo(1);
        assertThat(kept.kernel.program("first").orElseThrow().pods()).containsKey(hostInterface(web));
        assertThat(keeper.reconcile()).isZero();
    }

    @Test
    void endpointsFollowTheLeases() throws Exception {
        kept.inForce();
        Lease known = kept.activeLease("known");
        kept.wire(known);
        Lease missed = kept.activeLease("missed");
        Lease pending = kept.lease("pending");
        kept.leases.free(known.attachment());

        keeper.reconcile();

        assertThat(kept.kernel.program("first").orElseThrow().pods())
                .containsOnlyKeys(hostInterface(missed))
                .doesNotContainKey(hostInterface(pending));
    }

    @Test
    void podWhoseAddIsUnderWayIsNotTakenAway() throws Exception {
        kept.inForce();
        Lease pending = kept.lease("pending");
        kept.wire(pending);
        keeper.reconcile();
        assertThat(kept.kernel.program("first").orElseThrow().pods()).containsOnlyKeys(hostInterface(pending));
    }

    @Test
    void addressThatSeveralClaimIsNamedUntilOneIsLeft() throws Exception {
        var one = pod("shop", "one", "10.0.1.1");
        var other = pod("shop", "other", "10.0.1.1");
        kept.inForce(one);
        assertThat(keeper.contests()).isEmpty();
        keeper.changed(added(other));
        keeper.work();
        assertThat(keeper.contests()).hasSize(1).first().asString().contains("shop/one", "shop/other");
        keeper.changed(removed(other));
        keeper.work();
        assertThat(keeper.contests()).isEmpty();
    }

    @Test
    void keeperSaysWhatBecomesOfAConnection() throws Exception {
        kept.inForce(WEB, pod("shop", "web", "", "app", "web"));
        Lease web = kept.lease("web");
        kept.wire(web);
        IpAddress address = KeptPolicy.address(web);
        assertThat(keeper.endpoint(address).orElseThrow().hostInterface()).isEqualTo(hostInterface(web));
        assertThat(keeper.endpoint(STRANGER)).isEmpty();
        assertThat(keeper.evaluate(Flow.of(STRANGER, address, Protocol.TCP, 80)).accepted())
                .isFalse();
    }

    @Test
    void whoWaitsWhenTheAgentStopsIsToldSo() throws Exception {
        kept.inForce(WEB);
        Lease web = kept.lease("web");
        PolicyWaiter waiter = kept.add(web);
        keeper.close();
        assertRefused(waiter, "the agent is stopping", "the next agent will answer");
        assertThat(kept.backend.isClosed()).isTrue();
        assertThat(kept.kernel.program("first").orElseThrow().pods()).containsKey(hostInterface(web));
    }

    @Test
    void threadWorksOnWhatComes() throws Exception {
        kept.inForce(WEB);
        keeper.start();
        PolicyWaiter waiter = (PolicyWaiter) keeper.enforce(kept.lease("web"));
        keeper.changed(added(pod("shop", "web", "", "app", "web")));
        waiter.await();
        keeper.close();
        assertThat(kept.backend.isClosed()).isTrue();
    }

    @Test
    void addThatIsNeverAnsweredGivesUp() {
        PolicyWaiter waiter = new PolicyWaiter(NodeEndpoints.of(kept.lease("web")), 0, Duration.ofSeconds(-20));
        assertRefused(waiter, "the pod's policy is not in force after 0 s", "the agent's log says what it is doing");
    }

    @Test
    void interruptedAddIsRefused() {
        PolicyWaiter waiter = new PolicyWaiter(NodeEndpoints.of(kept.lease("web")), 0, Duration.ZERO);
        Thread.currentThread().interrupt();
        assertRefused(waiter, "the request was interrupted", "the agent is stopping");
        assertThat(Thread.interrupted()).isTrue();
    }
}
