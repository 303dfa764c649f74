package dev.ikat.agent.server;

import java.nio.file.Path;

/** Another agent uses the run directory or the network namespace. */
public final class AgentRunningException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    AgentRunningException(Path runDirectory, Path others, String process) {
        super("another agent" + (process.isBlank() ? "" : " (process " + process + ")")
                + " runs with the run directory " + others
                + (others.equals(runDirectory)
                        ? ""
                        : ", but this one was told to use " + runDirectory
                                + ": a host has one agent and one run directory")
                + "; stop it first");
    }
}
