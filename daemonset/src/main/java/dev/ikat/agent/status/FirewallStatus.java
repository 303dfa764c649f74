package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Whether the host's firewall lets pods' packets pass.
 *
 * @param lastTest when packets were last sent to find out; empty if they never were
 * @param faults what keeps them from passing, with the command that mends it
 */
public record FirewallStatus(Supplier<Optional<Instant>> lastTest, Supplier<List<String>> faults)
        implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ObjectNode packets = status.putObject("packets");
        lastTest.get()
                .ifPresent(at ->
                        packets.put("tested", at.truncatedTo(ChronoUnit.SECONDS).toString()));
        ArrayNode named = packets.putArray("faults");
        faults.get().forEach(named::add);
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode packets = status.path("packets");
        JsonNode faults = packets.path("faults");
        String tested = packets.path("tested").asText();
        text.line(
                "packets",
                tested.isEmpty()
                        ? "not tested yet"
                        : (faults.isEmpty() ? "pass" : "do not pass") + ", tested " + tested);
        text.faults(faults);
    }
}
