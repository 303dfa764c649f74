package dev.ikat.files;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;

/**
 * A directory in which only root (or the user of this process) can put anything, so that its content can be trusted.
 */
public final class OwnDirectory {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    private static final int WRITABLE_BY_OTHERS = 0022;

    private OwnDirectory() {}

    /**
     * Creates the directory (0700) if it does not exist, and its parents.
     *
     * @throws IOException if it can't be created, is not a directory, does not belong to root, or others may write in
     *     it; the message says what to do
     */
    public static void prepare(Path directory) throws IOException {
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            Path parent = directory.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            try {
                Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
            } catch (FileAlreadyExistsException e) {
                // Somebody was quicker; what they made is looked at like any other.
            }
        }
        check(directory);
    }

    private static void check(Path directory) throws IOException {
        if (Files.isSymbolicLink(directory)) {
            throw new IOException(directory + " is a symbolic link to " + Files.readSymbolicLink(directory)
                    + ", whose target may change; name the directory itself");
        }
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(directory + " is not a directory; move it away, or name another");
        }
        Map<String, Object> attributes = Files.readAttributes(directory, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
        if (!(attributes.get("uid") instanceof Integer uid) || !(attributes.get("mode") instanceof Integer mode)) {
            throw new IOException(
                    "the file system of " + directory + " does not tell the owner of the directory; name another");
        }
        if (uid != 0 && !attributes.get("uid").equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
            throw new IOException(directory + " belongs to user " + uid
                    + ", who could replace its content; run 'chown root " + directory + "', or name another");
        }
        if ((mode & WRITABLE_BY_OTHERS) != 0) {
            throw new IOException("users other than root can write in " + directory + " (mode "
                    + Integer.toOctalString(mode & 07777) + "); run 'chmod go-w " + directory + "', or name another");
        }
    }

    /**
     * Whether the directory was deleted although its name still exists: a mount, as in a container, keeps the name, but
     * nothing can be created in it any more.
     */
    public static boolean isDeleted(Path directory) throws IOException {
        try {
            return Files.getAttribute(directory, "unix:nlink", LinkOption.NOFOLLOW_LINKS) instanceof Integer links
                    && links == 0;
        } catch (NoSuchFileException e) {
            return false;
        }
    }
}
