package dev.ikat.bgp.bird;

import dev.ikat.files.OwnDirectory;
import dev.ikat.files.OwnFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/**
 * The files of Ikat's BIRD: in a directory that only root can enter, and readable to nobody else, as there are
 * passwords among them.
 *
 * @param directory the directory
 */
public record BirdFiles(Path directory) {
    private static final String OWNER_ONLY = "rw-------";

    /** What is in force. */
    public Path configuration() {
        return directory.resolve("bird.conf");
    }

    /** What is being checked. */
    Path candidate() {
        return directory.resolve("bird.conf.candidate");
    }

    /** By which BIRD is asked. */
    public Path socket() {
        return directory.resolve("bird.ctl");
    }

    /** The number of its process. */
    Path pid() {
        return directory.resolve("bird.pid");
    }

    /** What it has to say. */
    public Path log() {
        return directory.resolve("bird.log");
    }

    /** Makes the directory, if it is not there. */
    void prepare() throws IOException {
        OwnDirectory.prepare(directory);
    }

    /**
     * What distinguishes a version of a file from others without reading it.
     *
     * @param key the file itself: one that replaces it is another
     * @param size in bytes
     * @param modified when it was last written
     */
    record Version(String key, long size, FileTime modified) {}

    /** Which version of the configuration is in force; empty if there is none. */
    Optional<Version> version() throws IOException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(configuration(), BasicFileAttributes.class);
            return Optional.of(new Version(
                    String.valueOf(attributes.fileKey()), attributes.size(), attributes.lastModifiedTime()));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** What is in force, as far as there is anything. */
    Optional<String> read() throws IOException {
        return Files.exists(configuration())
                ? Optional.of(Files.readString(configuration(), StandardCharsets.UTF_8))
                : Optional.empty();
    }

    void writeCandidate(String text) throws IOException {
        OwnFile.replace(candidate(), OWNER_ONLY, text.getBytes(StandardCharsets.UTF_8));
    }

    void useCandidate() throws IOException {
        Files.move(candidate(), configuration(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
