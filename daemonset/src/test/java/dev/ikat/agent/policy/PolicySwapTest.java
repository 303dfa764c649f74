package dev.ikat.agent.policy;

import static dev.ikat.policy.compiler.ClusterText.anyOf;
import static dev.ikat.policy.compiler.ClusterText.ingress;
import static dev.ikat.policy.compiler.ClusterText.pod;
import static dev.ikat.policy.compiler.ClusterText.pods;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.backendtests.FakePolicyBackend;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Protocol;
import dev.ikat.cni.PodLink;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ipam.Lease;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Flow;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One backend takes the place of another while pods are kept to their policies. */
class PolicySwapTest {
    private final KeptPolicy kept = new KeptPolicy();
    private final PolicyKeeper keeper = kept.keeper;
    private final FakePolicyBackend second = new FakePolicyBackend(kept.kernel, "second");

    @AfterEach
    void close() {
        kept.close();
    }

    /** A pod to which clients, and nobody else, may connect. */
    private Lease web() throws InterruptedException {
        kept.inForce(
                ingress("shop", "web", LabelSelector.of("app", "web"), anyOf(pods("app", "client"))),
                pod("shop", "web", "", "app", "web"),
                pod("shop", "client", "10.0.1.1", "app", "client"),
                pod("shop", "next", ""));
        Lease web = kept.activeLease("web");
        kept.wire(web);
        kept.told.clear();
        return web;
    }

    private boolean passes(String from, Lease to) {
        return kept.kernel.passes(Flow.of(IpAddress.parse(from), KeptPolicy.address(to), Protocol.TCP, 80));
    }

    @Test
    void formerGoesWhenTheOtherIsInForceAndNoPacketMeetsNeither() throws Exception {
        Lease web = web();
        List<String> passed = new ArrayList<>();
        kept.kernel.afterEachStep(() -> passed.add(passes("10.0.1.1", web) + " " + passes("10.0.1.2", web)));

        keeper.swap(() -> second);

        assertThat(kept.kernel.steps())
                .endsWith("first hand over", "second replace", "first remove policy")
                .hasSize(5);
        assertThat(passed).hasSize(3).containsOnly("true false");
        assertThat(kept.kernel.kinds()).containsExactly("second");
        assertThat(kept.backend.isClosed()).isTrue();
        assertThat(kept.told).containsExactly("all in force");
        kept.wire(kept.lease("next"));
        assertThat(kept.kernel.steps()).endsWith("second apply");
    }

    @Test
    void nothingIsSwappedBeforeABackendIsOpen() throws Exception {
        keeper.swap(() -> second);
        assertThat(kept.kernel.steps()).isEmpty();
        kept.inForce();
        assertThat(kept.kernel.kinds()).containsExactly("second");
    }

    @Test
    void otherThatTheMachineCannotRunLeavesTheFormer() throws Exception {
        Lease web = web();
        second.unavailable("the library is not installed");
        assertThatThrownBy(() -> keeper.swap(() -> second))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessage(
                        "the library is not installed; this host can't run this policy backend: set policy-backend to"
                                + " another one");
        assertFormerEnforces(web);
        assertThat(kept.kernel.steps()).doesNotContain("first hand over");
    }

    @Test
    void otherThatIsRefusedLeavesTheFormer() throws Exception {
        Lease web = web();
        kept.kernel.refuse("second", "no memory");
        assertThatThrownBy(() -> keeper.swap(() -> second))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessage("no memory");
        assertFormerEnforces(web);
    }

    @Test
    void otherThatEnforcesSomethingElseLeavesTheFormer() throws Exception {
        Lease web = web();
        kept.kernel.afterEachStep(() -> {
            if (kept.kernel.steps().getLast().equals("second replace")) {
                kept.kernel.damage("second", PodLink.of(web.attachment()).hostName());
            }
        });
        assertThatThrownBy(() -> keeper.swap(() -> second))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessageStartingWith("the other backend differs from the program");
        assertFormerEnforces(web);
    }

    private void assertFormerEnforces(Lease web) throws InterruptedException {
        assertThat(kept.kernel.kinds()).containsExactly("first");
        assertThat(second.isClosed()).isTrue();
        assertThat(kept.backend.isClosed()).isFalse();
        assertThat(passes("10.0.1.1", web)).isTrue();
        kept.wire(kept.lease("next"));
    }

    @Test
    void formerThatCannotBeRemovedStaysInForceBesideTheOther() throws Exception {
        Lease web = web();
        kept.kernel.refuseRemoval("first", "somebody holds it");
        keeper.swap(() -> second);
        assertThat(kept.kernel.kinds()).containsExactly("first", "second");
        assertThat(passes("10.0.1.1", web)).isTrue();
        kept.wire(kept.lease("next"));
        assertThat(kept.kernel.steps()).endsWith("second apply");
    }

    @Test
    void backendThatTheMachineCannotRunIsClosedAndTriedAgain() throws Exception {
        kept.backend.unavailable("the library is not installed");
        assertThatThrownBy(kept::inForce)
                .isInstanceOf(PolicyBackendException.class)
                .hasMessage(
                        "the library is not installed; this host can't run this policy backend: set policy-backend to"
                                + " another one");
        assertThat(kept.backend.isClosed()).isTrue();
        keeper.swap(() -> second);
        assertThat(keeper.reconcile()).isZero();
        assertThat(kept.kernel.kinds()).containsExactly("second");
    }
}
