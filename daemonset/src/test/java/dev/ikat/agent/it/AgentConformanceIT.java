package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.util.Map;
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

    @Override
    void forgetPods() {
        ProcessResult result = call("GC", Map.of(), config("1.1.0", ", \"cni.dev/valid-attachments\": []"));
        assertThat(result.exitCode()).as(result.toString()).isZero();
    }
}
