package dev.ikat.bgp.bird;

import dev.ikat.bgp.Session;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What has become of a session.
 *
 * @param name which one it is
 * @param established whether routes are exchanged
 * @param state BGP's own word for it, as in {@code Established} or {@code Connect}
 * @param since when that began; empty if it is not known
 * @param received how many of its routes are used
 * @param sent how many routes were announced to it
 * @param lastError why it ended last, or could not begin; empty if nothing went wrong
 */
public record SessionState(
        String name,
        boolean established,
        String state,
        Optional<Instant> since,
        long received,
        long sent,
        Optional<String> lastError) {
    /** A protocol's line of {@code show protocols}. */
    private static final int PROTOCOL = 1002;

    private static final Pattern FIELDS = Pattern.compile("(\\S+)\\s+(\\S+)\\s+(\\S+)\\s+(\\S+)\\s+(\\S+)\\s*(.*)");
    private static final Pattern ROUTES = Pattern.compile("\\s*Routes:\\s+(\\d+) imported,.*?(\\d+) exported.*");
    private static final Pattern INSTANCE = Pattern.compile("(.+):[0-9]+");
    private static final String STATE = "BGP state:";
    private static final String ERROR = "Last error:";
    private static final String ESTABLISHED = "Established";

    /** The sessions of an answer to {@code show protocols all}, in its order. */
    static List<SessionState> read(BirdReply reply) {
        List<SessionState> sessions = new ArrayList<>();
        List<String> details = new ArrayList<>();
        Optional<Matcher> head = Optional.empty();
        for (BirdReply.Line line : reply.lines()) {
            Optional<Matcher> fields = line.code() == PROTOCOL
                    ? Optional.of(FIELDS.matcher(line.text())).filter(Matcher::matches)
                    : Optional.empty();
            if (fields.isPresent()) {
                head.ifPresent(one -> sessions.add(of(one, details)));
                details.clear();
                head = fields.filter(one -> one.group(2).equals("BGP"));
            } else {
                details.add(line.text());
            }
        }
        head.ifPresent(one -> sessions.add(of(one, details)));
        return withoutInstances(sessions);
    }

    /** What the names of sessions begin with that BIRD makes of one, as soon as a router has come. */
    static String instances(Session.Name name) {
        return name + ":";
    }

    /** What waits for a router is as the session with it is, once there is one. */
    private static List<SessionState> withoutInstances(List<SessionState> all) {
        Map<String, SessionState> byName = new LinkedHashMap<>();
        for (SessionState state : all) {
            Matcher instance = INSTANCE.matcher(state.name);
            SessionState shown = instance.matches() ? state.named(instance.group(1)) : state;
            byName.merge(shown.name, shown, (one, two) -> one.established ? one : two);
        }
        return List.copyOf(byName.values());
    }

    private SessionState named(String other) {
        return new SessionState(other, established, state, since, received, sent, lastError);
    }

    private static SessionState of(Matcher head, List<String> details) {
        long received = 0;
        long sent = 0;
        for (String detail : details) {
            Matcher routes = ROUTES.matcher(detail);
            // Most lines are something else, and there are some forty of each session.
            if (detail.contains("Routes:") && routes.matches()) {
                received += Long.parseLong(routes.group(1));
                sent += Long.parseLong(routes.group(2));
            }
        }
        String state = value(details, STATE).orElse(head.group(4));
        return new SessionState(
                head.group(1),
                state.equals(ESTABLISHED),
                state,
                instant(head.group(5)),
                received,
                sent,
                value(details, ERROR).filter(error -> !error.isEmpty()));
    }

    private static Optional<String> value(List<String> details, String label) {
        return details.stream()
                .map(String::strip)
                .filter(detail -> detail.startsWith(label))
                .map(detail -> detail.substring(label.length()).strip())
                .findFirst();
    }

    /** Seconds since 1970, as the configuration asks for. */
    private static Optional<Instant> instant(String text) {
        return text.matches("\\d{1,11}") ? Optional.of(Instant.ofEpochSecond(Long.parseLong(text))) : Optional.empty();
    }
}
