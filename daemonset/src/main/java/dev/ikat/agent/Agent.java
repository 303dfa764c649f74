package dev.ikat.agent;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.InvalidConfigurationException;
import dev.ikat.agent.dataplane.BackendChange;
import java.util.function.Supplier;

/**
 * The running agent: its parts, which {@link AgentWiring} starts in the order in which they need each other, and which
 * stop in reverse. What it put into the kernel stays when it stops, and so does the network configuration: pods keep
 * working, and the next agent takes over.
 */
public final class Agent implements AutoCloseable {
    private final StartedParts parts;
    private final BackendChange backend;

    private Agent(StartedParts parts, BackendChange backend) {
        this.parts = parts;
        this.backend = backend;
    }

    /**
     * Starts everything; readiness comes later, and {@code /readyz} says what it waits for.
     *
     * @throws RuntimeException if something can't be started; what was, is stopped again
     */
    static Agent start(AgentOptions options) {
        StartedParts parts = new StartedParts();
        try {
            return new Agent(parts, new AgentWiring(options, parts).start());
        } catch (RuntimeException | Error e) {
            parts.close();
            throw e;
        }
    }

    /**
     * Reads the options anew, takes over what can change while the agent runs, and says what can't; where anything is
     * wrong with them, nothing changes.
     */
    void reload(Supplier<AgentOptions> again) {
        try {
            backend.reload(again.get());
        } catch (InvalidConfigurationException e) {
            backend.failed(e.faults());
        }
    }

    /** Stops everything in reverse order: first it accepts no more requests, last it releases the lock. Idempotent. */
    @Override
    public void close() {
        parts.close();
    }
}
