package dev.ikat.agent.it;

import dev.ikat.testbed.Cluster;
import dev.ikat.testbed.Distribution;
import dev.ikat.testbed.RequiresRoot;
import dev.ikat.testbed.TestNamespace;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The specification with an agent: the launcher asks it. */
@RequiresRoot
final class AgentConformanceIT extends CniConformance {
    private static Cluster cluster;

    @BeforeAll
    static void startAgent() {
        cluster = Cluster.start(Cluster.Options.nodes(1));
    }

    @AfterAll
    static void stopAgent() {
        cluster.close();
    }

    @Override
    TestNamespace node() {
        return cluster.node(0).namespace();
    }

    @Override
    Path runDirectory() {
        return cluster.node(0).runDirectory();
    }

    @Override
    Path executable() {
        return Distribution.configured().launcher();
    }

    @Override
    String configuration() {
        return "";
    }
}
