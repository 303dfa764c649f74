package dev.ikat.agent.migrate;

import java.io.IOException;

/** A program is not installed here. */
final class MissingProgramException extends IOException {
    private static final long serialVersionUID = 1L;

    MissingProgramException(String program, IOException cause) {
        super(program + " is not installed", cause);
    }
}
