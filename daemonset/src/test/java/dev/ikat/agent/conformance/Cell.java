package dev.ikat.agent.conformance;

/**
 * A connection that is tried, or talked about.
 *
 * @param from who opens it: a pod as {@code x/a}, or a node
 * @param to who is to answer
 * @param attempt how
 */
record Cell(String from, String to, Attempt attempt) {
    @Override
    public String toString() {
        return from + " -> " + to + " " + attempt;
    }
}
