package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.ipam.AddressPlan;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.ipam.RangeUsage;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How many addresses are leased and how many are free, and what the lease store had lost.
 *
 * @param plan the node's own; empty before its object is known
 * @param faults one line for each
 */
public record LeaseStatus(LeaseStore leases, Supplier<Optional<AddressPlan>> plan, Supplier<List<String>> faults)
        implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ObjectNode pods = status.putObject("leases").put("held", leases.leases().size());
        ArrayNode ranges = pods.putArray("ranges");
        plan.get().ifPresent(known -> {
            for (RangeUsage usage : leases.usage(known)) {
                ranges.addObject()
                        .put("range", usage.range().subnet().toString())
                        .put("leased", usage.leased())
                        .put("free", usage.free());
            }
        });
        ArrayNode lost = pods.putArray("faults");
        faults.get().forEach(lost::add);
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode leases = status.path("leases");
        text.line("leases", leases.path("held").asText());
        leases.path("ranges")
                .forEach(range -> text.more("%s: %d addresses leased, %d free"
                        .formatted(
                                range.path("range").asText(),
                                range.path("leased").asLong(),
                                range.path("free").asLong())));
        text.faults(leases.path("faults"));
    }
}
