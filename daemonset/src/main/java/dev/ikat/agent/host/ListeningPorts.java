package dev.ikat.agent.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which TCP ports somebody listens at, in the network namespace of the calling thread. */
public final class ListeningPorts {
    /** TCP_LISTEN (net/tcp_states.h). */
    private static final String LISTENING = "0A";

    private static final int FIELDS = 5;
    private static final int LOCAL = 1;
    private static final int STATE = 3;

    private ListeningPorts() {}

    /**
     * Whether somebody listens at the port, at any address.
     *
     * @param proc the namespace's directory, as {@code /proc/thread-self/net}
     */
    public static boolean isTaken(Path proc, int port) {
        String suffix = ":%04X".formatted(port);
        return hasLine(proc.resolve("tcp"), suffix) || hasLine(proc.resolve("tcp6"), suffix);
    }

    private static boolean hasLine(Path file, String suffix) {
        try (var lines = Files.lines(file)) {
            return lines.map(line -> line.strip().split("\\s+", FIELDS + 1))
                    .anyMatch(fields -> fields.length >= FIELDS
                            && fields[LOCAL].endsWith(suffix)
                            && fields[STATE].equals(LISTENING));
        } catch (IOException e) {
            // A kernel without IPv6 has no such file.
            return false;
        }
    }
}
