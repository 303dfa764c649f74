package dev.ikat.agent.cni;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RequestHandlerTest {
    private static final CniRequest ADD =
            new CniRequest(Map.of("CNI_COMMAND", "ADD", "CNI_CONTAINERID", "c1"), new byte[0]);

    private final Metrics metrics = new Metrics();
    private final RecentErrors errors = new RecentErrors(Clock.systemUTC());

    private CniResponse handle(CniRequest request, CniResponse answer) {
        return new RequestHandler(_ -> answer, new StepTimer(metrics, Optional.empty()), metrics, errors)
                .apply(request);
    }

    private String metrics() throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        metrics.write(text);
        return text.toString(UTF_8);
    }

    @Test
    void answerIsThePluginsAndCounted() throws IOException {
        CniResponse answer = new CniResponse(0, "{}".getBytes(UTF_8));
        assertThat(handle(ADD, answer)).isSameAs(answer);
        assertThat(metrics()).contains("ikat_cni_requests_total{code=\"0\",verb=\"ADD\"} 1.0");
        assertThat(errors.entries()).isEmpty();
    }

    @Test
    void refusalIsKeptForWhoAsksInOneLine() throws IOException {
        handle(ADD, new CniResponse(1, "{\n  \"code\": 11\n}".getBytes(UTF_8), Optional.of(CniError.TRY_AGAIN_LATER)));
        assertThat(metrics()).contains("ikat_cni_requests_total{code=\"11\",verb=\"ADD\"} 1.0");
        assertThat(errors.entries()).singleElement().satisfies(error -> {
            assertThat(error.what()).isEqualTo("ADD c1");
            assertThat(error.message()).isEqualTo("{ \"code\": 11 }");
        });
    }

    @Test
    void verbThatIsNoneIsCountedAsUnknown() throws IOException {
        handle(new CniRequest(Map.of("CNI_COMMAND", "MOVE"), new byte[0]), new CniResponse(1, new byte[0]));
        assertThat(metrics()).contains("ikat_cni_requests_total{code=\"0\",verb=\"unknown\"} 1.0");
    }
}
