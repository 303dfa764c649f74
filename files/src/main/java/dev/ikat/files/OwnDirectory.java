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
 * A directory in which only root (or who runs this process) puts anything, so that what is found there can be believed.
 */
public final class OwnDirectory {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    private static final int WRITABLE_BY_OTHERS = 0022;

    private OwnDirectory() {}

    /**
     * Makes the directory (0700) if there is none, and its parents.
     *
     * @throws IOException if it can't be made, or is no directory of root's in which others may not write; the message
     *     says what to do
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
                    + ", which may lead elsewhere tomorrow; name the directory itself");
        }
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(directory + " is no directory; move it away, or name another");
        }
        Map<String, Object> attributes = Files.readAttributes(directory, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
        if (!(attributes.get("uid") instanceof Integer uid) || !(attributes.get("mode") instanceof Integer mode)) {
            throw new IOException("the file system of " + directory + " does not say whose it is; name another");
        }
        if (uid != 0 && !attributes.get("uid").equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
            throw new IOException(directory + " belongs to user " + uid
                    + ", who could replace what is in it; run 'chown root " + directory + "', or name another");
        }
        if ((mode & WRITABLE_BY_OTHERS) != 0) {
            throw new IOException("others than root can write in " + directory + " (mode "
                    + Integer.toOctalString(mode & 07777) + "); run 'chmod go-w " + directory + "', or name another");
        }
    }

    /**
     * Whether the directory was deleted under its name: a mount, as a container has it, keeps the name, but nothing can
     * be made in it any more.
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
