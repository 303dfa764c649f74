package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The alerts that ship fire when they should, and only then, as Prometheus itself evaluates them. */
class AlertRulesTest {
    private static final Path MONITORING = Path.of("deploy/monitoring");
    private static final String TESTS = "alerts_test.yaml";

    /** Fails where there is none, because nothing else tries the alerts. */
    private static void assertPasses(String... arguments) {
        assertThat(Stream.of(System.getenv("PATH").split(File.pathSeparator, -1)))
                .as("promtool is on the PATH; './dev setup' unpacks it, and './dev test' finds it there")
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, "promtool")));
        List<String> command = new ArrayList<>(List.of("promtool"));
        command.addAll(List.of(arguments));
        ProcessResult result = ProcessRunner.of(command).in(MONITORING).run();
        assertThat(result.exitCode()).as(result.stdout() + result.stderr()).isZero();
    }

    @Test
    void prometheusTakesTheRules() {
        assertPasses("check", "rules", "alerts.yaml");
    }

    @Test
    void alertsFireWhenTheyShouldAndOnlyThen() {
        assertPasses("test", "rules", TESTS);
    }

    @Test
    void everyAlertIsTriedWhenItFiresAndWhenItDoesNot() {
        Set<String> alerts = new TreeSet<>(document("alerts.yaml").findValuesAsText("alert"));
        Set<String> firing = new TreeSet<>();
        Set<String> silent = new TreeSet<>();
        for (JsonNode group : document(TESTS).path("tests")) {
            for (JsonNode test : group.path("alert_rule_test")) {
                (test.path("exp_alerts").isEmpty() ? silent : firing)
                        .add(test.path("alertname").asText());
            }
        }

        assertThat(alerts).hasSizeGreaterThan(15);
        assertThat(firing).isEqualTo(alerts);
        assertThat(silent).isEqualTo(alerts);
    }

    private static JsonNode document(String file) {
        return KubernetesObjects.documents(MONITORING.resolve(file)).getFirst();
    }
}
