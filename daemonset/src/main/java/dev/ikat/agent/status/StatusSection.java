package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** The state of one part of the agent; the status joins all sections to one JSON object. */
public interface StatusSection {
    /** Adds the current state, under names that no other section has. For any thread. */
    void collect(ObjectNode status);
}
