package dev.ikat.agent.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.conformance.PolicyCase.Step;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The cases' tables, written by hand, and the evaluator say the same; no kernel is asked. */
final class PolicyCasesTest {
    @TempDir
    private Path directory;

    /** As the agents would give them. */
    private static List<IpAddress> addresses(String end) {
        if (Ends.isNode(end)) {
            int number = 11 + Ends.NODES.indexOf(end);
            return List.of(
                    IpAddress.parse("172.30.0." + number),
                    IpAddress.parse("fd00:30:0::" + Integer.toHexString(number)));
        }
        String node = Ends.nodeOf(end).substring("node-".length());
        int host = 2 + Ends.PODS.indexOf(end);
        return List.of(
                IpAddress.parse("10.244." + node + "." + host), IpAddress.parse("fd00:10:244:" + node + "::" + host));
    }

    static List<PolicyCase> cases() {
        return PolicyCase.all();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void evaluatorSaysWhatTheTableSays(PolicyCase policyCase) {
        ClusterText text = new ClusterText(PolicyCasesTest::addresses);
        int number = 0;
        for (Step step : policyCase.steps()) {
            step.edits().forEach(text::edit);
            Oracle.of(text, directory).assertSays("%s, step %d".formatted(policyCase, ++number), step.expected());
        }
    }

    @Test
    void noTwoCasesHaveTheSameNameInAFile() {
        Set<String> names = new HashSet<>();
        assertThat(cases()).hasSizeGreaterThan(60).allMatch(each -> names.add(each.source() + each.name()));
    }

    @Test
    void theDocumentationListsEveryCase() throws IOException {
        String document = Files.readString(Path.of("../docs/conformance.md"));

        assertThat(cases()).allSatisfy(each -> assertThat(document).contains("| " + each.name() + " |"));
    }

    @Test
    void aTableThatIsNotOneIsRefused() {
        List<String> rows = List.of(Table.HEADER, "x/a +++ +++ +++");

        assertThatThrownBy(() -> Table.parse(rows)).hasMessageContaining("'=' stands for a pod to itself");
        assertThatThrownBy(() -> Table.parse(List.of("x/a =++ +++ +++"))).hasMessageContaining("begins with");
        assertThatThrownBy(() -> Table.parse(List.of(Table.HEADER, "x/a =++ +++ +++")))
                .hasMessageContaining("a row for each pod");
        assertThatThrownBy(() -> Table.parse(List.of(Table.HEADER, "x/a =++ +++ ++")))
                .hasMessageContaining("no row");
    }
}
