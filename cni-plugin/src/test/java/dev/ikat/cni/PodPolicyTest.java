package dev.ikat.cni;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.ipam.Lease;
import dev.ikat.model.PodName;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class PodPolicyTest {
    @TempDir
    Path directory;

    private final List<String> heard = new ArrayList<>();
    private Node node;
    private TestNamespace pod;

    @BeforeEach
    void make() {
        node = new Node(directory, Node.dualStack(), StepObserver.NONE, false);
        pod = TestNamespace.create();
        node.policy = new Hearing(Optional.empty());
    }

    @AfterEach
    void close() {
        pod.close();
        node.close();
    }

    /** Notes what it is told, and how the pod is wired then. */
    private final class Hearing implements PodPolicy {
        private final Optional<CniException> failure;

        Hearing(Optional<CniException> failure) {
            this.failure = failure;
        }

        @Override
        public Enforcement enforce(Lease lease) {
            heard.add("enforce " + lease.pod().map(PodName::toString).orElse("nobody") + wiring(lease));
            return () -> {
                heard.add("await" + wiring(lease));
                failure.ifPresent(e -> {
                    throw e;
                });
            };
        }

        @Override
        public void release(Lease lease) {
            heard.add("release" + wiring(lease));
        }

        private String wiring(Lease lease) {
            String link = PodLink.of(lease.attachment()).hostName().value();
            return (node.namespace.linkNames().contains(link) ? ", linked" : "")
                    + (node.namespace.ip("route").contains(link) ? ", routed" : "");
        }
    }

    private CniResponse call(Verb verb, String arguments) {
        return node.call(
                verb,
                Map.of(
                        "CNI_CONTAINERID",
                        "c1",
                        "CNI_IFNAME",
                        "eth0",
                        "CNI_NETNS",
                        pod.path().toString(),
                        "CNI_ARGS",
                        arguments),
                Node.CONFIG.formatted(""));
    }

    @Test
    void policyIsInForceBeforeTheFirstRouteAndUntilTheLast() {
        CniResponse response = call(Verb.ADD, "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0");

        assertThat(response.exitCode()).as(Node.text(response)).isZero();
        assertThat(heard).containsExactly("enforce shop/web-0", "await, linked");
        heard.clear();
        assertThat(call(Verb.DEL, "").exitCode()).isZero();
        assertThat(heard).containsExactly("release, linked");
    }

    @Test
    void secondAddAsksForPolicyAgain() {
        call(Verb.ADD, "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0");
        heard.clear();
        assertThat(call(Verb.ADD, "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0").exitCode())
                .isZero();
        assertThat(heard).containsExactly("enforce shop/web-0, linked, routed", "await, linked, routed");
    }

    @Test
    void addFailsWithoutPolicyAndLeavesNothing() {
        node.policy = new Hearing(
                Optional.of(new CniException(CniError.TRY_AGAIN_LATER, "labels are not known", "wait for them")));
        CniResponse response = call(Verb.ADD, "");

        assertThat(Node.text(response)).contains("\"code\":11");
        assertThat(heard).containsExactly("enforce nobody", "await, linked", "release, linked");
        assertThat(node.remains()).isEmpty();
    }

    @Test
    void podNameIsChecked() {
        CniResponse response = call(Verb.ADD, "K8S_POD_NAMESPACE=Shop;K8S_POD_NAME=web-0");

        assertThat(Node.text(response)).contains("\"code\":4,");
        assertThat(Node.text(response)).contains("K8S_POD_NAMESPACE").contains("'Shop'");
        assertThat(node.remains()).isEmpty();
    }
}
