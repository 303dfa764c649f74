package dev.ikat.agent.config;

import java.util.List;

/** Some of what the operator said can't be done; the message has a line for each fault. */
public final class InvalidConfigurationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    InvalidConfigurationException(List<String> faults) {
        super(String.join("\n", faults));
    }

    /** Every fault, with its place. */
    public List<String> faults() {
        return String.valueOf(getMessage()).lines().toList();
    }
}
