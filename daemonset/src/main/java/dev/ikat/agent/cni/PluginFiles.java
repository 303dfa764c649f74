package dev.ikat.agent.cni;

import dev.ikat.agent.host.FileTree;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

/**
 * The launcher {@code ikat} and the cold plugin {@code ikat-runtime} in a runtime's directory of CNI plugins. At every
 * moment of an installation, even of an interrupted one, a complete launcher and a complete cold plugin are there, the
 * former or the new ones: files are written under other names and then renamed. {@code ikat-runtime} is a symbolic link
 * to a directory for its version; the directory of the former version is kept, because a request may still be running
 * from it.
 */
public final class PluginFiles {
    private static final String LAUNCHER = "ikat";
    private static final String COLD = "ikat-runtime";
    private static final String VERSIONED = ".ikat-runtime-";
    private static final String UNFINISHED = ".ikat-new";

    private PluginFiles() {}

    /**
     * Installs both. Idempotent.
     *
     * @param from the directory with {@code ikat} and {@code ikat-runtime}
     * @param to created if it does not exist
     * @return whether anything was changed
     * @throws NoSuchFileException if {@code from} lacks one of them
     */
    public static boolean install(Path from, Path to) throws IOException {
        Path launcher = from.resolve(LAUNCHER);
        Path cold = from.resolve(COLD);
        if (!Files.isRegularFile(launcher) || !Files.isDirectory(cold)) {
            throw new NoSuchFileException(
                    from.toString(),
                    null,
                    "does not contain " + LAUNCHER + " and " + COLD
                            + "; name the distribution's directory cni by --from");
        }
        Files.createDirectories(to);
        boolean changed = installCold(cold, to);
        Path installed = to.resolve(LAUNCHER);
        if (!Files.isRegularFile(installed) || Files.mismatch(launcher, installed) >= 0) {
            Path unfinished = to.resolve(UNFINISHED);
            Files.copy(launcher, unfinished, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
            Files.move(unfinished, installed, StandardCopyOption.ATOMIC_MOVE);
            changed = true;
        }
        return changed;
    }

    private static boolean installCold(Path cold, Path to) throws IOException {
        // The linked modules name the version: they have a size and a time of their own in each build.
        Path modules = cold.resolve("lib/modules");
        FileTime time = Files.getLastModifiedTime(modules);
        String name =
                VERSIONED + Long.toHexString(time.toMillis() / 1000) + "-" + Long.toHexString(Files.size(modules));
        Path version = to.resolve(name);
        Path link = to.resolve(COLD);
        String former =
                Files.isSymbolicLink(link) ? Files.readSymbolicLink(link).toString() : "";
        if (former.equals(name) && Files.isDirectory(version)) {
            return false;
        }
        Path unfinished = to.resolve(UNFINISHED + "-runtime");
        FileTree.delete(unfinished);
        copyTree(cold, unfinished);
        FileTree.delete(version);
        Files.move(unfinished, version, StandardCopyOption.ATOMIC_MOVE);
        if (Files.isDirectory(link, LinkOption.NOFOLLOW_LINKS)) {
            // Copied there by hand; a directory can't be replaced in one step.
            FileTree.delete(link);
        }
        Path newLink = to.resolve(UNFINISHED + "-link");
        Files.deleteIfExists(newLink);
        Files.createSymbolicLink(newLink, Path.of(name));
        Files.move(newLink, link, StandardCopyOption.ATOMIC_MOVE);
        try (DirectoryStream<Path> others = Files.newDirectoryStream(to, VERSIONED + "*")) {
            for (Path other : others) {
                String otherName = other.getFileName().toString();
                if (!otherName.equals(name) && !otherName.equals(former)) {
                    FileTree.delete(other);
                }
            }
        }
        return true;
    }

    private static void copyTree(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
                    throws IOException {
                Files.createDirectory(to.resolve(from.relativize(directory)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                // With its time: by that the JVM knows that its cache belongs to its modules.
                Files.copy(
                        file,
                        to.resolve(from.relativize(file)),
                        StandardCopyOption.COPY_ATTRIBUTES,
                        LinkOption.NOFOLLOW_LINKS);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** Removes what {@link #install} creates, and nothing else in the directory. */
    public static void remove(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return;
        }
        // Names of Ikat's only: the launcher, its runtimes, what an installation cut short left.
        try (DirectoryStream<Path> own = Files.newDirectoryStream(
                directory, "{" + LAUNCHER + "," + COLD + "," + VERSIONED + "*," + UNFINISHED + "*}")) {
            for (Path file : own) {
                if (Files.isSymbolicLink(file)) {
                    Files.delete(file);
                } else {
                    FileTree.delete(file);
                }
            }
        }
    }
}
