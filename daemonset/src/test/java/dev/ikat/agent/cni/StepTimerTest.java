package dev.ikat.agent.cni;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.observe.Metrics;
import dev.ikat.cni.Verb;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class StepTimerTest {
    private final Metrics metrics = new Metrics();
    private final StepTimer steps = new StepTimer(metrics, Optional.empty());

    private List<String> counts() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        metrics.write(out);
        return out.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.startsWith("ikat_cni_step_seconds_count"))
                .map(line -> line.replaceAll("ikat_cni_step_seconds_count|[{}\"]|step=|verb=", ""))
                .toList();
    }

    @Test
    void lastStepIsTimedUntilTheEnd() throws IOException {
        steps.reached(Verb.ADD, "lease");
        steps.reached(Verb.ADD, "answer");
        assertThat(counts()).containsExactly("lease,ADD 1");

        steps.finished();

        assertThat(counts()).containsExactlyInAnyOrder("lease,ADD 1", "answer,ADD 1");
    }

    @Test
    void stepsOfARequestAreReturnedAtItsEndAndNobodyElsesAre() {
        steps.reached(Verb.DEL, "reaped before");
        steps.finished();
        steps.begin();
        steps.reached(Verb.ADD, "lease");
        steps.reached(Verb.ADD, "link");

        assertThat(steps.end()).extracting(StepTimer.Taken::step).containsExactly("lease", "link");
        steps.reached(Verb.DEL, "reaped after");
        steps.finished();
        assertThat(steps.end()).isEmpty();
    }

    @Test
    void whatComesAfterTheEndIsNoStepOfBefore() throws IOException {
        steps.reached(Verb.DEL, "free");
        steps.finished();
        steps.reached(Verb.DEL, "delete");
        steps.finished();
        steps.finished();

        assertThat(counts()).containsExactlyInAnyOrder("free,DEL 1", "delete,DEL 1");
    }
}
