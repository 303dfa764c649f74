package dev.ikat.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A file that the agent creates itself. If its name is a symbolic link, the link is replaced or refused, never
 * followed.
 */
public final class OwnFile {
    private OwnFile() {}

    /** Writes the content of a file. */
    public interface Content {
        /** Writes all of the content. */
        void write(FileChannel channel) throws IOException;
    }

    /**
     * Replaces the file atomically: a reader sees either the former content or all of the new content.
     *
     * @param permissions the file's, as {@code rw-r--r--}
     * @param onDisk whether it has to be on the disk when this returns
     */
    public static void replace(Path file, String permissions, boolean onDisk, Content content) throws IOException {
        Path unfinished = unfinished(file);
        // Whatever has this name, a link too, goes; and what is made must be new, so no link is followed.
        Files.deleteIfExists(unfinished);
        try {
            try (FileChannel channel = FileChannel.open(
                    unfinished,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                content.write(channel);
                setPermissions(unfinished, PosixFilePermissions.fromString(permissions));
                if (onDisk) {
                    channel.force(true);
                }
            }
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException | RuntimeException e) {
            // A full disk must not be kept full by what can't be finished.
            deleteUnfinished(unfinished, e);
            throw e;
        }
    }

    /** Replaces the file atomically by this content, which need not be on the disk when this returns. */
    public static void replace(Path file, String permissions, byte[] content) throws IOException {
        replace(file, permissions, false, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(content);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    private static void setPermissions(Path file, Set<PosixFilePermission> permissions) throws IOException {
        Files.getFileAttributeView(file, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                .setPermissions(permissions);
    }

    private static void deleteUnfinished(Path unfinished, Exception failure) {
        try {
            Files.deleteIfExists(unfinished);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * The name of a file that is still being written. It begins with a dot and ends with {@code .new}, so that no
     * program reads it.
     */
    public static Path unfinished(Path file) {
        return file.resolveSibling("." + file.getFileName() + ".new");
    }

    /**
     * Opens the file for reading and writing, and creates it (0600) if it does not exist.
     *
     * @throws IOException if that fails, or if the name is a symbolic link
     */
    public static FileChannel open(Path file) throws IOException {
        try {
            return FileChannel.open(
                    file,
                    Set.of(
                            StandardOpenOption.CREATE,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE,
                            LinkOption.NOFOLLOW_LINKS),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        } catch (IOException e) {
            if (Files.isSymbolicLink(file)) {
                throw new IOException(
                        file + " is a symbolic link to " + Files.readSymbolicLink(file)
                                + ", which is not followed; remove it",
                        e);
            }
            throw e;
        }
    }

    /**
     * The identity of the file that has this name now: two identities are equal if it is the same file. Empty if there
     * is none.
     */
    public static Optional<Object> identity(Path file) throws IOException {
        try {
            return Optional.of(Objects.requireNonNull(
                    Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                            .fileKey(),
                    "a file has an inode"));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }
}
