package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.dataplane.PolicyState;
import dev.ikat.policy.compiler.AddressContest;
import java.util.List;
import java.util.function.Supplier;

/**
 * The policy backend, one that was chosen and refused, and the addresses that several pods claim.
 *
 * @param state what enforces policies
 * @param contests in a stable order
 */
public record PolicyStatus(Supplier<PolicyState> state, Supplier<List<AddressContest>> contests)
        implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        PolicyState now = state.get();
        status.put("policyBackend", PolicyState.name(now.backend()));
        now.notInForce().ifPresent(reason -> status.put("policiesNotInForce", reason));
        now.refused().ifPresent(reason -> status.put("policyBackendRefused", reason));
        ArrayNode contested = status.putArray("contestedAddresses");
        contests.get().forEach(contest -> contested.add(contest.toString()));
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode notInForce = status.path("policiesNotInForce");
        text.line(
                "policies",
                status.path("policyBackend").asText()
                        + (notInForce.isMissingNode() ? "" : ", not in force: " + notInForce.asText()));
        JsonNode refused = status.path("policyBackendRefused");
        if (!refused.isMissingNode()) {
            text.fault(refused.asText());
        }
        text.faults(status.path("contestedAddresses"));
    }
}
