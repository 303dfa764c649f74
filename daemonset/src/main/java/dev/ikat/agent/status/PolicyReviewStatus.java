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

    /** The answer as text, a line for each finding. */
    public static String text(byte[] answer) throws IOException {
        JsonNode status = JSON.readTree(answer);
        if (!isReviewed(answer)) {
            return "The agent has not read the cluster's policies: policy-backend is none, or the API does not answer; "
                    + "see ikat-agent status\n";
        }
        StringBuilder text = new StringBuilder("policies %d, findings %d%n"
                .formatted(
                        status.path("policies").asInt(), status.path("findings").asInt()));
        JsonNode list = status.path("list");
        list.forEach(
                finding -> text.append(Printable.line(finding.path("policy").asText() + ": "
                                + finding.path("field").asText() + ": "
                                + finding.path("finding").asText()))
                        .append('\n'));
        int more = status.path("findings").asInt() - list.size();
        return text + (more == 0 ? "" : "and " + more + " more\n");
    }

    /** Whether the agent has read the policies. */
    public static boolean isReviewed(byte[] answer) throws IOException {
        return JSON.readTree(answer).has("policies");
    }

    /** Whether it found nothing. */
    public static boolean isClean(byte[] answer) throws IOException {
        return JSON.readTree(answer).path("findings").asInt() == 0;
    }
}
