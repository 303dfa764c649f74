package dev.ikat.agent.migrate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** Tells whether a plugin's agent, or a kube-proxy, still runs: it would make again what is removed. */
public final class FormerProcesses {
    private FormerProcesses() {}

    /**
     * The number of the process, if there is one in the calling thread's network namespace, or one whose namespace
     * can't be read.
     *
     * @throws IOException if processes can't be listed
     */
    public static OptionalLong running(FormerNetwork former) throws IOException {
        Path own = Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net"));
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (isAgent(former, process, own)) {
                    return OptionalLong.of(Long.parseLong(process.getFileName().toString()));
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return OptionalLong.empty();
    }

    private static boolean isAgent(FormerNetwork former, Path process, Path network) {
        try {
            String command = Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1)
                    .split("\0", 2)[0];
            return command.substring(command.lastIndexOf('/') + 1).equals(former.process())
                    && Files.readSymbolicLink(process.resolve("ns/net")).equals(network);
        } catch (AccessDeniedException e) {
            // Its name was readable: it is one, with more capabilities than this process has.
            return true;
        } catch (IOException e) {
            // It has ended meanwhile.
            return false;
        }
    }
}
