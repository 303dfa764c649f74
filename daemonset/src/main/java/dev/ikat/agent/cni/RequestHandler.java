package dev.ikat.agent.cni;

import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.Verb;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has the plugin answer the runtime's requests, counts each, and keeps refusals for the status. Thread-safe. */
public final class RequestHandler implements Function<CniRequest, CniResponse> {
    private static final Logger LOG = LoggerFactory.getLogger(RequestHandler.class);

    private final Function<CniRequest, CniResponse> plugin;
    private final StepTimer steps;
    private final Metrics metrics;
    private final RecentErrors errors;

    public RequestHandler(
            Function<CniRequest, CniResponse> plugin, StepTimer steps, Metrics metrics, RecentErrors errors) {
        this.plugin = plugin;
        this.steps = steps;
        this.metrics = metrics;
        this.errors = errors;
    }

    @Override
    public CniResponse apply(CniRequest request) {
        long start = System.nanoTime();
        CniResponse response = plugin.apply(request);
        steps.finished();
        String verb = Verb.of(request.variable("CNI_COMMAND")).map(Enum::name).orElse("unknown");
        int code = response.error().map(CniError::code).orElse(0);
        if (response.exitCode() != 0) {
            String error = new String(response.stdout(), StandardCharsets.UTF_8).replaceAll("\\s+", " ");
            LOG.atInfo().addKeyValue("code", code).addKeyValue("error", error).log("refused");
            errors.add(verb + " " + request.variable("CNI_CONTAINERID"), error);
        }
        metrics.request(verb, code, System.nanoTime() - start);
        return response;
    }
}
