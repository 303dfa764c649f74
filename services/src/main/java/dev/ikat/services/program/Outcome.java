package dev.ikat.services.program;

import java.util.List;

/** What has to become of a connection. */
public sealed interface Outcome {
    /** Why, as a sentence for people without its end. */
    String why();

    /**
     * It goes to one of several backends, each with the same probability.
     *
     * @param routes at least one, in the order of their backends
     */
    record Forwarded(List<Route> routes, String why) implements Outcome {
        public Forwarded {
            routes = List.copyOf(routes);
        }
    }

    /** It is refused: a TCP reset, or an ICMP error. */
    record Rejected(String why) implements Outcome {}

    /** Its packets are dropped without an answer. */
    record Dropped(String why) implements Outcome {}

    /** Services have nothing to do with it. */
    record NotAService() implements Outcome {
        @Override
        public String why() {
            return "no service has this address";
        }
    }

    /**
     * A backend to which a connection may go.
     *
     * @param seen whose address the backend sees as the client's
     */
    record Route(Backend backend, SourceSeen seen) {}

    /** Whose address a backend sees. */
    enum SourceSeen {
        /** The client's own. */
        CLIENT,
        /** One of this node, by which the answers come back here. */
        NODE
    }
}
