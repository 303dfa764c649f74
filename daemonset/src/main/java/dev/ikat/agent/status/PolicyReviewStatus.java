package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.log.Printable;
import dev.ikat.policy.compiler.PolicyFinding;
import dev.ikat.policy.compiler.PolicyReview;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What in the cluster's policies is valid and has no effect, for {@code ikat-agent status --policies}.
 *
 * @param review empty if policies are not read, yet or at all
 */
public record PolicyReviewStatus(Supplier<Optional<PolicyReview>> review) implements StatusSection {
    /** The question to ask by {@link dev.ikat.agent.server.ControlClient}. */
    public static final String QUESTION = "policies";

    private static final String UNREAD =
            "The agent has not read the cluster's policies: policy-backend is none, or the "
                    + "API does not answer; see ikat-agent status\n";

    private static final ObjectMapper JSON = new ObjectMapper();

    /** So that the answer stays readable, and below the limit of its length. */
    private static final int MOST = 1_000;

    @Override
    public void collect(ObjectNode status) {
        Optional<PolicyReview> now = review.get();
        if (now.isEmpty()) {
            return;
        }
        List<PolicyFinding> all = now.get().findings();
        status.put("policies", now.get().policies());
        status.put("findings", all.size());
        ArrayNode list = status.putArray("list");
        all.stream()
                .limit(MOST)
                .forEach(finding -> list.addObject()
                        .put(
                                "policy",
                                finding.policy().namespace() + "/"
                                        + finding.policy().name())
                        .put("field", finding.field())
                        .put("finding", finding.text()));
    }

    /**
     * The agent's answer.
     *
     * @param reviewed whether it has read the policies
     * @param findings how many things it found
     * @param text for people, a line for each finding
     */
    public record Answer(boolean reviewed, int findings, String text) {}

    /** Reads the answer. */
    public static Answer read(byte[] answer) throws IOException {
        JsonNode status = JSON.readTree(answer);
        int findings = status.path("findings").asInt();
        return new Answer(status.has("policies"), findings, status.has("policies") ? text(status, findings) : UNREAD);
    }

    private static String text(JsonNode status, int findings) {
        StringBuilder text = new StringBuilder(
                "policies %d, findings %d\n".formatted(status.path("policies").asInt(), findings));
        JsonNode list = status.path("list");
        list.forEach(
                finding -> text.append(Printable.line(finding.path("policy").asText() + ": "
                                + finding.path("field").asText() + ": "
                                + finding.path("finding").asText()))
                        .append('\n'));
        int more = findings - list.size();
        return text + (more == 0 ? "" : "and " + more + " more\n");
    }
}
