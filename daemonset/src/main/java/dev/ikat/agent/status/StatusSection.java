package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What one part of the agent tells of itself; whoever asks gets it all as one JSON object. */
public interface StatusSection {
    /** Adds what is the case now, under names that no other section has. For any thread. */
    void collect(ObjectNode status);
}
