package dev.ikat.policy.compiler;

import static dev.ikat.policy.compiler.ClusterText.added;
import static dev.ikat.policy.compiler.ClusterText.anyOf;
import static dev.ikat.policy.compiler.ClusterText.endpoint;
import static dev.ikat.policy.compiler.ClusterText.ingress;
import static dev.ikat.policy.compiler.ClusterText.isolated;
import static dev.ikat.policy.compiler.ClusterText.pod;
import static dev.ikat.policy.compiler.ClusterText.pods;
import static dev.ikat.policy.compiler.ClusterText.removed;
import static dev.ikat.policy.compiler.ClusterText.updated;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Whose labels an address has that more than one pod is said to have. */
final class ContestedAddressTest {
    private static final String WEB = "10.0.0.1";
    private static final String CONTESTED = "10.0.0.9";

    private final PolicyCompiler compiler = new PolicyCompiler("node");
    private final Evaluator evaluator = new Evaluator(compiler);

    /** A node with a pod {@code web}, to which pods with app=a or app=b may connect, each by a policy of its own. */
    ContestedAddressTest() {
        compiler.add(endpoint("shop", "web", WEB));
        compiler.update(added(
                pod("shop", "web", WEB, "app", "web"),
                ingress("shop", "from-a", LabelSelector.of("app", "web"), anyOf(pods("app", "a"))),
                ingress("shop", "from-b", LabelSelector.of("app", "web"), anyOf(pods("tier", "b")))));
    }

    private static Pod made(Pod pod, String node, long created, boolean deleting) {
        return new Pod(
                pod.namespace(),
                pod.name(),
                pod.labels(),
                Optional.of(node),
                pod.ips(),
                pod.hostNetwork(),
                pod.phase(),
                pod.ports(),
                created,
                deleting);
    }

    private static Pod elsewhere(String name, long created, String... labels) {
        return made(pod("shop", name, CONTESTED, labels), "other", created, false);
    }

    private static Pod here(String name, String... labels) {
        return pod("shop", name, CONTESTED, labels);
    }

    /** A container here whose runtime named no pod. */
    private static Endpoint nameless(boolean lost) {
        Endpoint endpoint = endpoint("shop", "unknown", CONTESTED);
        return new Endpoint(
                endpoint.attachment(), endpoint.hostInterface(), endpoint.addresses(), Optional.empty(), lost);
    }

    private boolean mayConnect() {
        return evaluator
                .evaluate(Flow.of(IpAddress.parse(CONTESTED), IpAddress.parse(WEB), Protocol.TCP, 80))
                .accepted();
    }

    private String contest() {
        return compiler.contests().values().stream()
                .map(contest -> contest.claimants() + " -> " + contest.believed())
                .findFirst()
                .orElse("none");
    }

    @Test
    void newerPodOfAnotherNodeHasTheAddress() {
        compiler.update(added(elsewhere("old", 100, "app", "a"), elsewhere("new", 200, "app", "c")));
        assertThat(mayConnect()).as("by the labels of the older one").isFalse();
        assertThat(contest()).isEqualTo("[Pod shop/new, Pod shop/old] -> [Pod shop/new]");

        compiler.update(updated(elsewhere("old", 100, "app", "a"), elsewhere("old", 300, "app", "a")));
        assertThat(mayConnect()).isTrue();

        compiler.update(removed(elsewhere("old", 300, "app", "a")));
        assertThat(mayConnect()).isFalse();
        assertThat(contest()).isEqualTo("none");
    }

    @Test
    void podThatIsBeingDeletedLosesItsAddressToAnOlderOneThatIsNot() {
        Pod leaving = made(elsewhere("new", 200, "app", "a"), "other", 200, true);
        compiler.update(added(leaving));
        assertThat(mayConnect()).as("until it is gone it has its address").isTrue();

        compiler.update(added(elsewhere("old", 100, "app", "c")));
        assertThat(mayConnect()).isFalse();
    }

    @Test
    void endedPodClaimsNothing() {
        compiler.update(added(
                elsewhere("running", 100, "app", "a"),
                ClusterText.inPhase(elsewhere("job", 200, "app", "c"), Pod.Phase.SUCCEEDED)));

        assertThat(mayConnect()).isTrue();
        assertThat(contest()).isEqualTo("none");
    }

    @Test
    void podsAsOldAsEachOtherOpenOnlyWhatBothWould() {
        compiler.update(added(elsewhere("one", 100, "app", "a"), elsewhere("two", 100, "app", "c")));
        assertThat(mayConnect()).isFalse();
        assertThat(contest()).isEqualTo("[Pod shop/one, Pod shop/two] -> [Pod shop/one, Pod shop/two]");

        compiler.update(updated(elsewhere("two", 100, "app", "c"), elsewhere("two", 100, "app", "a")));
        assertThat(mayConnect()).as("both are meant").isTrue();

        compiler.update(updated(elsewhere("two", 100, "app", "a"), elsewhere("two", 100, "tier", "b")));
        assertThat(mayConnect()).as("each by another peer").isFalse();

        compiler.update(updated(elsewhere("two", 100, "tier", "b"), elsewhere("two", 0, "app", "c")));
        assertThat(mayConnect()).as("nobody says how old one of them is").isFalse();

        compiler.update(removed(elsewhere("two", 0, "app", "c")));
        assertThat(mayConnect()).isTrue();
    }

    @Test
    void leaseOfThisNodeIsBelievedWhateverObjectsSay() {
        compiler.add(endpoint("shop", "mine", CONTESTED));
        compiler.update(added(here("ghost", "app", "a")));
        assertThat(mayConnect())
                .as("by the labels of a pod that does not have it")
                .isFalse();
        assertThat(contest()).isEqualTo("[Pod shop/ghost, Pod shop/mine] -> [Pod shop/mine]");

        compiler.update(added(elsewhere("remote", 900, "app", "a")));
        assertThat(mayConnect()).isFalse();

        compiler.update(added(made(pod("shop", "mine", "", "app", "a"), "node", 100, false)));
        assertThat(mayConnect())
                .as("by its own, before its status has the address")
                .isTrue();
    }

    @Test
    void endpointWithoutNameIsTheOnlyPodsThatIsSaidToHaveItsAddressHere() {
        compiler.add(nameless(true));
        compiler.update(added(isolated("shop", "deny-a", LabelSelector.of("app", "a"))));
        assertThat(mayConnect()).as("nobody is said to have it").isFalse();
        assertThat(accepts()).isFalse();

        compiler.update(added(elsewhere("remote", 900, "app", "a")));
        assertThat(accepts()).as("one of another node can't be it").isFalse();

        compiler.update(added(here("known", "app", "b", "tier", "b")));
        assertThat(accepts()).as("no policy selects it").isTrue();
        assertThat(mayConnect()).as("as a peer").isTrue();

        compiler.update(updated(here("known", "app", "b", "tier", "b"), here("known", "app", "a", "tier", "b")));
        assertThat(accepts()).as("a policy selects it").isFalse();

        compiler.update(updated(here("known", "app", "a", "tier", "b"), here("known", "tier", "b")));
        compiler.update(added(here("second", "tier", "b")));
        assertThat(accepts()).as("nobody can say which of two").isFalse();
        assertThat(mayConnect()).isFalse();

        compiler.add(endpoint("shop", "second", "10.0.0.10"));
        assertThat(accepts()).as("the second has another address here").isTrue();
    }

    /** Whether the contested address is let in from outside. */
    private boolean accepts() {
        return evaluator
                .evaluate(Flow.of(IpAddress.parse("192.0.2.1"), IpAddress.parse(CONTESTED), Protocol.TCP, 80))
                .accepted();
    }

    @Test
    void containerOfNoPodStaysOpen() {
        compiler.add(nameless(false));
        assertThat(accepts()).isTrue();

        compiler.update(added(here("known", "app", "a"), isolated("shop", "deny-a", LabelSelector.of("app", "a"))));
        assertThat(accepts()).as("it is a pod's after all").isFalse();

        compiler.update(removed(here("known", "app", "a")));
        assertThat(accepts()).isTrue();
        assertThat(compiler.program().pods().values())
                .extracting(program -> program.ingress().isOpen())
                .contains(true);
        assertThat(List.copyOf(compiler.contests().values())).isEmpty();
    }
}
