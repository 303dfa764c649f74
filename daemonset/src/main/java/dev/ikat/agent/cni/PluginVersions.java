package dev.ikat.agent.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.cni.CniVersion;
import dev.ikat.dataplane.HostProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * The versions of the CNI specification that plugins say they support: the answer to VERSION (section 4 of the
 * specification). Each program is asked once, and again when its file has changed. Not thread-safe.
 */
final class PluginVersions {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** A plugin answers at once; on a machine that is starting, everything takes longer. */
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final PluginPrograms programs;
    private final Map<Program, Boolean> known = new HashMap<>();

    private record Program(Path file, FileTime modified, long size, CniVersion version) {}

    PluginVersions(PluginPrograms programs) {
        this.programs = programs;
    }

    /** Whether the plugin of this type has answered that it supports the version; false if it can't be asked. */
    boolean supports(String type, CniVersion version) {
        Optional<Path> file = programs.file(type);
        if (file.isEmpty()) {
            return false;
        }
        try {
            Program program =
                    new Program(file.get(), Files.getLastModifiedTime(file.get()), Files.size(file.get()), version);
            Boolean before = known.get(program);
            if (before != null) {
                return before;
            }
            boolean supports = ask(program);
            known.keySet().removeIf(other -> other.file().equals(program.file()) && other.version() == version);
            known.put(program, supports);
            return supports;
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean ask(Program program) {
        String version = program.version().toString();
        try {
            HostProgram answer = HostProgram.run(
                    List.of(program.file().toString()),
                    Map.of("CNI_COMMAND", "VERSION"),
                    "{\"cniVersion\": \"" + version + "\"}",
                    LIMIT);
            for (JsonNode supported : JSON.readTree(answer.output()).path("supportedVersions")) {
                if (supported.asText().equals(version)) {
                    return answer.exitCode() == 0;
                }
            }
            return false;
        } catch (IOException | UncheckedIOException | TimeoutException e) {
            // What can't be run here may be run by the runtime; then it is called by the version that all know.
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
