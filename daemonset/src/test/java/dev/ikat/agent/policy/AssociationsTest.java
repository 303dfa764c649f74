package dev.ikat.agent.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ikat.agent.policy.ForbiddenFlowsTest.Isolation;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Association;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** SCTP associations of real sockets, where the kernel has them, that policy comes to forbid. */
@RequiresRoot
class AssociationsTest {
    private static final int PORT = 7000;
    private static final Duration LIMIT = Duration.ofSeconds(20);
    /** Longer than it takes an end to send again what nobody acknowledges (RFC 9260, RTO.Initial). */
    private static final Duration SENT_AGAIN = Duration.ofSeconds(5);

    @ParameterizedTest
    @EnumSource(TestBackend.class)
    void nothingOfAForbiddenAssociationArrives(TestBackend kind) throws Exception {
        for (Isolation isolation : Set.of(Isolation.SERVER_INGRESS, Isolation.CLIENT_EGRESS)) {
            try (RoutedNode node = new RoutedNode();
                    NetworkNamespace namespace =
                            NetworkNamespace.open(node.namespace().path());
                    ConnectionCutter cutter = new ConnectionCutter(Conntrack.open(namespace), Set::of)) {
                TestNamespace server = node.addPod(RoutedNode.endpoint(1));
                TestNamespace client = node.addPod(RoutedNode.endpoint(2));
                PolicyBackend backend = kind.open(node.namespace());
                try {
                    Optional<String> missing = backend.probe();
                    assumeTrue(missing.isEmpty(), () -> "this machine can't run " + kind + ": " + missing.orElse(""));
                    backend.replace(ForbiddenFlowsTest.program(Isolation.NONE));
                    IpAddress to =
                            RoutedNode.endpoint(1).addresses().get(isolation == Isolation.SERVER_INGRESS ? 0 : 1);
                    Optional<Association> begun = Association.begin(client, server, to, PORT);
                    assumeTrue(begun.isPresent(), "this kernel has no SCTP sockets");
                    try (Association association = begun.get()) {
                        Await.until(LIMIT, () -> "nothing arrives: " + association.soFar(), () -> {
                            Association.Received received = association.soFar();
                            return received.byServer() > 20 && received.byClient() > 20;
                        });

                        PolicyProgram program = ForbiddenFlowsTest.program(isolation);
                        backend.replace(program);
                        int _ = cutter.cutAll(new Evaluator(program));

                        Association.Received then = association.soFar();
                        Thread.sleep(SENT_AGAIN);
                        assertThat(association.soFar()).as("%s", isolation).isEqualTo(then);
                    }
                } finally {
                    backend.remove();
                    backend.close();
                }
            }
        }
    }
}
