package dev.ikat.agent.cni;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The files of a directory of network configurations, as runtimes find them. */
final class ConfigurationFiles {
    private ConfigurationFiles() {}

    /**
     * Those with one of these extensions, by name; none if there is no such directory. Directories are no
     * configurations.
     */
    static List<Path> in(Path directory, List<String> extensions) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> extensions.stream().anyMatch(name(file)::endsWith) && !Files.isDirectory(file))
                    .sorted(Comparator.comparing(ConfigurationFiles::name))
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of();
        }
    }

    static String name(Path file) {
        return file.getFileName().toString();
    }
}
