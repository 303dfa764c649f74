package dev.ikat.agent.host;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Directories with all that is in them. */
public final class FileTree {
    private FileTree() {}

    /**
     * Deletes a file, or a directory with everything in it. Symbolic links are deleted and not followed. A directory
     * that is a mount point is only emptied. Does nothing if there is none.
     */
    public static void delete(Path root) throws IOException {
        if (!Files.isDirectory(root)) {
            Files.deleteIfExists(root);
            return;
        }
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
                    throws IOException {
                if (failure != null) {
                    throw failure;
                }
                // A mount point, as the run directory of a container is, can only be emptied.
                if (!directory.equals(root) || !isMountPoint(directory)) {
                    Files.deleteIfExists(directory);
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static boolean isMountPoint(Path directory) throws IOException {
        return mountPoints().contains(directory.toRealPath().toString());
    }

    /** Where something is mounted, as seen from the process's root. */
    public static List<String> mountPoints() throws IOException {
        // proc(5), mountinfo: the fifth field is the mount point, relative to the process's root.
        return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
                .map(line -> line.split(" ", 6)[4])
                .toList();
    }
}
