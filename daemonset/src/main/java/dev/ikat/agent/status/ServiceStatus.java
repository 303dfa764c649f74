package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.services.ServiceState;
import java.util.function.Supplier;

/**
 * Who sends connections to services to their backends, and what is wrong with that.
 *
 * @param state what has become of services
 */
public record ServiceStatus(Supplier<ServiceState> state) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ServiceState now = state.get();
        ObjectNode services = status.putObject("services");
        now.dataplane().ifPresent(name -> services.put("dataplane", name));
        now.reason().ifPresent(reason -> services.put("notInForce", reason));
        services.put("ports", now.services());
        services.put("frontends", now.frontends());
        services.put("backends", now.backends());
        if (!now.remarks().isEmpty()) {
            ArrayNode remarks = services.putArray("remarks");
            now.remarks().forEach(remarks::add);
        }
        ArrayNode faults = services.putArray("faults");
        now.findings().forEach(faults::add);
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode services = status.path("services");
        if (services.isMissingNode()) {
            return;
        }
        JsonNode dataplane = services.path("dataplane");
        text.line(
                "services",
                dataplane.isMissingNode()
                        ? "not by Ikat: " + services.path("notInForce").asText()
                        : "%s, %d service ports at %d addresses and ports, %d backends"
                                .formatted(
                                        dataplane.asText(),
                                        services.path("ports").asInt(),
                                        services.path("frontends").asInt(),
                                        services.path("backends").asInt()));
        services.path("remarks").forEach(remark -> text.more(remark.asText()));
        text.faults(services.path("faults"));
    }
}
