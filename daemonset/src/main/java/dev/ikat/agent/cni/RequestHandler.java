package dev.ikat.agent.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.agent.server.Reply;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.Verb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Has the plugin answer the runtime's requests, counts and logs each, and keeps refusals for the status. Thread-safe.
 */
public final class RequestHandler implements Function<CniRequest, Reply> {
    private static final Logger LOG = LoggerFactory.getLogger(RequestHandler.class);
    private static final ObjectMapper JSON = new ObjectMapper();

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
    public Reply apply(CniRequest request) {
        long start = System.nanoTime();
        steps.begin();
        CniResponse response = plugin.apply(request);
        List<StepTimer.Taken> taken = steps.end();
        Optional<Verb> verb = Verb.of(request.variable("CNI_COMMAND"));
        String name = verb.map(Enum::name).orElse("unknown");
        int code = response.error().map(CniError::code).orElse(0);
        if (response.exitCode() != 0) {
            String error = new String(response.stdout(), StandardCharsets.UTF_8).replaceAll("\\s+", " ");
            errors.add(name + " " + request.variable("CNI_CONTAINERID"), error);
        }
        metrics.request(name, code, System.nanoTime() - start);
        return new Reply(response, time -> log(verb, request, response, taken, time));
    }

    /** One line for each request, but for those by which runtimes ask all the time whether the plugin is there. */
    private static void log(
            Optional<Verb> verb, CniRequest request, CniResponse response, List<StepTimer.Taken> steps, Duration time) {
        boolean refused = response.exitCode() != 0;
        boolean asks =
                verb.filter(one -> one == Verb.STATUS || one == Verb.VERSION).isPresent();
        Map<String, Object> pairs = new LinkedHashMap<>();
        pairs.put("verb", request.variable("CNI_COMMAND"));
        pairs.put("container", request.variable("CNI_CONTAINERID"));
        pairs.put("interface", request.variable("CNI_IFNAME"));
        request.pod().ifPresent(pod -> pairs.put("pod", pod));
        JsonNode answer = json(response.stdout());
        if (refused) {
            pairs.put("code", response.error().map(CniError::code).orElse(0));
            pairs.put("error", error(answer, response.stdout()));
        } else if (answer.has("ips")) {
            pairs.put(
                    "addresses",
                    StreamSupport.stream(answer.path("ips").spliterator(), false)
                            .map(ip -> ip.path("address").asText())
                            .collect(Collectors.joining(",")));
        }
        pairs.put("micros", micros(time));
        steps.forEach(step -> pairs.put(step.step() + "-micros", micros(step.time())));
        LoggingEventBuilder event = LOG.atLevel(asks ? Level.DEBUG : refused ? Level.WARN : Level.INFO);
        for (Map.Entry<String, Object> pair : pairs.entrySet()) {
            event = event.addKeyValue(pair.getKey(), pair.getValue());
        }
        event.log(refused ? "refused" : "answered");
    }

    private static long micros(Duration time) {
        return time.toNanos() / 1000;
    }

    private static JsonNode json(byte[] stdout) {
        try {
            JsonNode read = JSON.readTree(stdout);
            return read == null ? JSON.missingNode() : read;
        } catch (IOException e) {
            return JSON.missingNode();
        }
    }

    /** What happened, and why, as the error object has it. */
    private static String error(JsonNode answer, byte[] stdout) {
        String message = answer.path("msg").asText();
        String details = answer.path("details").asText();
        return message.isEmpty()
                ? new String(stdout, StandardCharsets.UTF_8)
                : details.isEmpty() ? message : message + ": " + details;
    }
}
