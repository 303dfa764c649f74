package dev.ikat.agent.config;

import java.util.List;

/** Some of the operator's settings are invalid; the message has one line for each error. */
public final class InvalidConfigurationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param faults every error, one line for each */
    public InvalidConfigurationException(List<String> faults) {
        super(String.join("\n", faults));
    }

    /** Every error, with its place. */
    public List<String> faults() {
        return String.valueOf(getMessage()).lines().toList();
    }
}
