package dev.ikat.agent.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.conformance.PolicyCase.Step;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every case on a real cluster of one backend. The cluster is made once; each step replaces its objects, and then every
 * connection is tried. {@code -Dikat.case=TEXT} runs the cases whose name has the text in it.
 */
@RequiresRoot
@RequiresProgram("conntrack")
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class PolicyConformance {
    private static final String CHOSEN = System.getProperty("ikat.case", "");

    private final String[] agentArguments;
    private RealCluster cluster;

    @TempDir
    private Path directory;

    /** The cases on agents with these options. */
    PolicyConformance(String... agentArguments) {
        this.agentArguments = agentArguments.clone();
    }

    @BeforeAll
    void start() {
        cluster = new RealCluster(agentArguments);
    }

    @AfterAll
    void close() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> whatIsSaidOfACaseIsSo() {
        return PolicyCase.all().stream()
                .filter(policyCase -> policyCase.name().contains(CHOSEN))
                .map(policyCase -> DynamicTest.dynamicTest(
                        policyCase.source() + ": " + policyCase.name(), () -> check(policyCase)));
    }

    private void check(PolicyCase policyCase) {
        ClusterText text = new ClusterText(cluster::addresses);
        int number = 0;
        for (Step step : policyCase.steps()) {
            String what = "%s, step %d".formatted(policyCase, ++number);
            step.edits().forEach(text::edit);
            cluster.publish(text);
            // While the agents look at it, too.
            Oracle oracle = Oracle.of(text, directory);
            oracle.assertSays(what, step.expected());

            cluster.awaitInForce();
            Map<Cell, Boolean> found = cluster.observe(step.expected());

            assertThat(Differences.cells(step.expected(), found))
                    .as(() -> Differences.describe(
                            what,
                            step.expected(),
                            found,
                            cell -> oracle.verdicts(cell).toString()))
                    .isEmpty();
        }
    }
}
