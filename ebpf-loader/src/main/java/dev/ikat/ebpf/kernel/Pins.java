package dev.ikat.ebpf.kernel;

import dev.ikat.netlink.namespace.NetworkNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Names in the bpf file system, which keep what they name in the kernel after the process has ended: one directory for
 * each network namespace.
 */
public final class Pins {
    /** The usual mount point of that file system. */
    public static final Path FILE_SYSTEM = Path.of("/sys/fs/bpf");

    private final Path directory;

    public Pins(NetworkNamespace namespace) {
        this.directory = FILE_SYSTEM.resolve("ikat").resolve(Long.toString(namespace.inode()));
    }

    /** Creates the directory, and mounts the file system unless it is already mounted. */
    public void create() {
        BpfFileSystem.require(FILE_SYSTEM);
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException("create the directory " + directory, e);
        }
    }

    public boolean isPresent() {
        return Files.isDirectory(directory);
    }

    public Path path(String name) {
        return directory.resolve(name);
    }

    public boolean has(String name) {
        return Files.exists(path(name));
    }

    /** The names with this prefix. */
    public List<String> names(String prefix) {
        List<String> names = new ArrayList<>();
        if (isPresent()) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(directory)) {
                found.forEach(path -> names.add(path.getFileName().toString()));
            } catch (IOException e) {
                throw new UncheckedIOException("list the directory " + directory, e);
            }
        }
        names.removeIf(name -> !name.startsWith(prefix));
        return names;
    }

    public void remove(String name) {
        delete(path(name));
    }

    private static void delete(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            throw new UncheckedIOException("delete " + path, e);
        }
    }

    /** Removes the directory unless there are names in it, and its parent unless others use it. */
    public void removeDirectoryIfEmpty() {
        if (!names("").isEmpty()) {
            return;
        }
        delete(directory);
        Path above = directory.getParent();
        try {
            if (above != null) {
                Files.deleteIfExists(above);
            }
        } catch (IOException e) {
            // Another namespace's directory is in it.
        }
    }

    @Override
    public String toString() {
        return directory.toString();
    }
}
