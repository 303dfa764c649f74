package dev.ikat.agent.status;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.dataplane.NodePolicy;
import dev.ikat.agent.log.Printable;
import dev.ikat.agent.node.AgentPodNetwork;
import dev.ikat.agent.node.NodeFaults;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.OverlayRoute;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.cni.CniResponse;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.ipam.RangeUsage;
import dev.ikat.kubernetes.ClusterSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/**
 * How the agent is, as {@code ikat-agent status} tells it: collected in the agent as JSON, made a text where it is
 * asked.
 */
public final class AgentStatus {
    /** What to ask {@link dev.ikat.agent.server.ControlClient}. */
    public static final String QUESTION = "status";

    private static final ObjectMapper JSON = new ObjectMapper();

    private final AgentOptions options;
    private final Readiness readiness;
    private final AgentPodNetwork network;
    private final Dataplanes dataplanes;
    private final NodePolicy policy;
    private final ClusterSource cluster;
    private final LeaseStore leases;
    private final Supplier<List<String>> leaseFaults;
    private final RecentErrors errors;
    private final NodeFaults nodeFaults;
    private final long startNanos = System.nanoTime();

    public AgentStatus(
            AgentOptions options,
            Readiness readiness,
            AgentPodNetwork network,
            Dataplanes dataplanes,
            NodePolicy policy,
            ClusterSource cluster,
            LeaseStore leases,
            Supplier<List<String>> leaseFaults,
            RecentErrors errors,
            NodeFaults nodeFaults) {
        this.options = options;
        this.readiness = readiness;
        this.network = network;
        this.dataplanes = dataplanes;
        this.policy = policy;
        this.cluster = cluster;
        this.leases = leases;
        this.leaseFaults = leaseFaults;
        this.errors = errors;
        this.nodeFaults = nodeFaults;
    }

    /** Answers a question; the exit code is 1 where it is not understood. */
    public CniResponse answer(String question) {
        if (!question.equals(QUESTION)) {
            return new CniResponse(1, ("there is no question '" + question + "'").getBytes(UTF_8));
        }
        try {
            return new CniResponse(0, JSON.writeValueAsBytes(collect()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ObjectNode collect() {
        ObjectNode status = JSON.createObjectNode();
        List<String> reasons = readiness.reasons();
        status.put("node", options.nodeName());
        status.put("ready", reasons.isEmpty());
        ArrayNode waiting = status.putArray("waitingFor");
        reasons.forEach(waiting::add);
        status.put(
                "runningSeconds",
                Duration.ofNanos(System.nanoTime() - startNanos).toSeconds());
        status.put("policyBackend", lowerCase(dataplanes.chosen()));
        ArrayNode contested = status.putArray("contestedAddresses");
        policy.contests().forEach(contest -> contested.add(contest.toString()));
        ObjectNode overlay = status.putObject("overlay")
                .put("mode", lowerCase(options.overlay().mode()));
        network.situation().ifPresent(situation -> describe(situation, overlay));
        ArrayNode overlayFaults = overlay.putArray("faults");
        nodeFaults.all().forEach(fault -> overlayFaults.add(fault.text()));
        ObjectNode pods = status.putObject("leases").put("held", leases.leases().size());
        ArrayNode ranges = pods.putArray("ranges");
        network.nodePlan().ifPresent(plan -> {
            for (RangeUsage usage : leases.usage(plan)) {
                ranges.addObject()
                        .put("range", usage.range().subnet().toString())
                        .put("leased", usage.leased())
                        .put("free", usage.free());
            }
        });
        ArrayNode lost = pods.putArray("faults");
        leaseFaults.get().forEach(lost::add);
        ObjectNode source = status.putObject("cluster");
        cluster.degraded().ifPresent(reason -> source.put("degraded", reason));
        ArrayNode faults = source.putArray("faults");
        cluster.faults().forEach(fault -> faults.add(fault.toString()));
        ArrayNode recent = status.putArray("recentErrors");
        errors.entries()
                .forEach(error -> recent.addObject()
                        .put("at", error.at().toString())
                        .put("in", error.what())
                        .put("error", error.message())
                        .put("times", error.times()));
        return status;
    }

    private static void describe(NodeSituation situation, ObjectNode overlay) {
        overlay.put("uplink", situation.uplink().name().value());
        overlay.put("podMtu", situation.overlay().podMtu());
        ArrayNode peers = overlay.putArray("peers");
        record Peer(String destination, String by, String via) {}
        List<Peer> found = new ArrayList<>();
        for (OverlayRoute route : situation.overlay().routes()) {
            switch (route) {
                case OverlayRoute.Tunnelled tunnelled ->
                    found.add(new Peer(
                            tunnelled.destination().toString(),
                            "tunnel",
                            tunnelled.via().toString()));
                case OverlayRoute.Direct direct ->
                    found.add(new Peer(
                            direct.destination().toString(),
                            "route",
                            direct.via().toString()));
                case OverlayRoute.Unreachable _ -> {
                    // The node's own block, or one that nothing leads to; the faults name the latter.
                }
            }
        }
        found.sort(Comparator.comparing(Peer::destination));
        found.forEach(peer -> peers.addObject()
                .put("pods", peer.destination())
                .put("by", peer.by())
                .put("via", peer.via()));
    }

    private static String lowerCase(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** The answer for people: a line a fact. */
    public static String text(byte[] answer) throws IOException {
        JsonNode status = JSON.readTree(answer);
        StringBuilder text = new StringBuilder();
        line(text, "node", status.path("node").asText());
        line(text, "ready", status.path("ready").asBoolean() ? "yes" : "no");
        status.path("waitingFor").forEach(reason -> line(text, "", "waits for " + reason.asText()));
        line(
                text,
                "running",
                Duration.ofSeconds(status.path("runningSeconds").asLong()).toString());
        line(text, "policies", status.path("policyBackend").asText());
        status.path("contestedAddresses").forEach(contest -> line(text, "", "fault: " + contest.asText()));
        JsonNode overlay = status.path("overlay");
        line(
                text,
                "overlay",
                overlay.has("uplink")
                        ? "%s, uplink %s, pods' MTU %d"
                                .formatted(
                                        overlay.path("mode").asText(),
                                        overlay.path("uplink").asText(),
                                        overlay.path("podMtu").asInt())
                        : overlay.path("mode").asText());
        overlay.path("peers")
                .forEach(peer -> line(
                        text,
                        "",
                        "%s by %s via %s"
                                .formatted(
                                        peer.path("pods").asText(),
                                        peer.path("by").asText(),
                                        peer.path("via").asText())));
        overlay.path("faults").forEach(fault -> line(text, "", "fault: " + fault.asText()));
        JsonNode leases = status.path("leases");
        line(text, "leases", leases.path("held").asText());
        leases.path("ranges")
                .forEach(range -> line(
                        text,
                        "",
                        "%s: %d addresses leased, %d free"
                                .formatted(
                                        range.path("range").asText(),
                                        range.path("leased").asLong(),
                                        range.path("free").asLong())));
        status.path("leases").path("faults").forEach(fault -> line(text, "", "fault: " + fault.asText()));
        JsonNode cluster = status.path("cluster");
        JsonNode degraded = cluster.path("degraded");
        JsonNode faults = cluster.path("faults");
        line(text, "cluster", degraded.asText(faults.isEmpty() ? "as its source says" : ""));
        faults.forEach(fault -> line(text, "", "fault: " + fault.asText()));
        JsonNode errors = status.path("recentErrors");
        line(text, "errors", errors.isEmpty() ? "none since the start" : "");
        errors.forEach(error -> line(
                text,
                "",
                "%s %s: %s%s"
                        .formatted(
                                error.path("at").asText(),
                                error.path("in").asText(),
                                error.path("error").asText(),
                                error.path("times").asInt() > 1
                                        ? " (" + error.path("times").asInt() + " times)"
                                        : "")));
        return text.toString();
    }

    private static void line(StringBuilder text, String name, String value) {
        text.append("%-10s%s".formatted(name, Printable.line(value)).stripTrailing())
                .append('\n');
    }

    /** Whether the answer says that the agent is ready. */
    public static boolean isReady(byte[] answer) throws IOException {
        return JSON.readTree(answer).path("ready").asBoolean();
    }
}
