package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.policy.compiler.AddressContest;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/**
 * The policy backend, and the addresses that several pods claim.
 *
 * @param backend the one that is to be in force
 * @param contests in a stable order
 */
public record PolicyStatus(Supplier<PolicySettings.Backend> backend, Supplier<List<AddressContest>> contests)
        implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        status.put("policyBackend", backend.get().name().toLowerCase(Locale.ROOT));
        ArrayNode contested = status.putArray("contestedAddresses");
        contests.get().forEach(contest -> contested.add(contest.toString()));
    }

    static void read(JsonNode status, StatusText text) {
        text.line("policies", status.path("policyBackend").asText());
        text.faults(status.path("contestedAddresses"));
    }
}
