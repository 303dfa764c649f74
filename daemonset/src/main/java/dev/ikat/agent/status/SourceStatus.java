package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.kubernetes.ClusterSource;

/**
 * Whether the agent's view of the cluster is up to date with its source, and which objects can't be read.
 *
 * @param cluster the source
 */
public record SourceStatus(ClusterSource cluster) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ObjectNode source = status.putObject("cluster");
        cluster.degraded().ifPresent(reason -> source.put("degraded", reason));
        ArrayNode faults = source.putArray("faults");
        cluster.faults().forEach(fault -> faults.add(fault.toString()));
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode cluster = status.path("cluster");
        JsonNode faults = cluster.path("faults");
        text.line("cluster", cluster.path("degraded").asText(faults.isEmpty() ? "up to date with its source" : ""));
        text.faults(faults);
    }
}
