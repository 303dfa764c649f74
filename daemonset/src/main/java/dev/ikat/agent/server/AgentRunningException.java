package dev.ikat.agent.server;

import java.nio.file.Path;

/** Another agent lives in the run directory. */
public final class AgentRunningException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    AgentRunningException(Path runDirectory, String process) {
        super("another agent" + (process.isBlank() ? "" : " (process " + process + ")")
                + " runs with the run directory " + runDirectory
                + "; stop it first, or give this one another --run-dir");
    }
}
