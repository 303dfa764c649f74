package dev.ikat.testbed.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A directory under a unique name, on a file system in memory if there is one: it replaces /run, which is in memory on
 * a real host. Its path is short enough for a Unix socket in it (108 bytes, unix(7)).
 */
public final class TestDirectory implements AutoCloseable {
    private final Path path;

    private TestDirectory(Path path) {
        this.path = path;
    }

    /** Creates a directory that only its owner may enter. */
    public static TestDirectory create() {
        return Teardown.make(() -> {
            Path path = base().resolve(RunOwner.uniqueName());
            try {
                Files.createDirectory(
                        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return new TestDirectory(path);
        });
    }

    /** Where such directories are made: first where no test hides them, as those do that have a /run of their own. */
    static Path base() {
        try {
            for (Path candidate : new Path[] {Path.of("/dev/shm"), Path.of("/run")}) {
                if (Files.isWritable(candidate)
                        && Files.getFileStore(candidate).type().equals("tmpfs")) {
                    return candidate;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return onDisk();
    }

    /** The directory for large files, and for programs to execute. */
    public static Path onDisk() {
        return Path.of(Objects.requireNonNullElse(System.getProperty("java.io.tmpdir"), "/tmp"));
    }

    /** The directory. */
    public Path path() {
        return path;
    }

    /** Creates a directory below, with its parents. */
    public Path directory(String relative) {
        try {
            return Files.createDirectories(path.resolve(relative));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Creates a directory below that is a file system of its own, in memory, of this many KiB. */
    public Path smallDisk(String relative, int kibibytes) {
        Path mounted = directory(relative);
        ProcessRunner.output("mount", "-t", "tmpfs", "-o", "size=" + kibibytes + "k", "tmpfs", mounted.toString());
        return mounted;
    }

    @Override
    public void close() {
        Teardown.forget(this);
        deleteTree(path);
    }

    private static void unmountBelow(Path root) {
        try (Stream<String> mounts = Files.lines(Path.of("/proc/self/mounts"))) {
            mounts.map(line -> Path.of(line.split(" ", 3)[1]))
                    .filter(mounted -> mounted.startsWith(root))
                    .toList()
                    .forEach(mounted -> ProcessRunner.output("umount", "--lazy", mounted.toString()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Deletes a tree; files that others delete meanwhile are ignored. */
    public static void deleteTree(Path root) {
        if (!Files.exists(root)) {
            return;
        }
        unmountBelow(root);
        try {
            Files.walkFileTree(root, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException failure) {
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
                        throws IOException {
                    try (Stream<Path> rest = Files.list(directory)) {
                        if (rest.findAny().isEmpty()) {
                            Files.deleteIfExists(directory);
                        }
                    }
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException("can't delete " + root, e);
        }
    }
}
