package dev.ikat.ipam;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The file behind a {@link LeaseTable}: lines of {@link LeaseRecord}, appended while the lock file is locked, and
 * replaced by a shorter file, by rename, when most of them are history.
 *
 * <p>A writer that dies leaves at most the beginning of a line at the end of the file. Whoever has the lock next knows
 * that nobody is still writing it, and cuts it off. A damaged line elsewhere is passed over and counted.
 *
 * <p>What this process has known is not lost with the file: a lease that is missing from a file which is read anew is
 * written again where the witness finds it in use. The end of a lease can be noted even where the disk is full: it is
 * true in the table from then on, and written when there is room. Not thread-safe.
 */
final class LeaseLog implements AutoCloseable {
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    private static final Set<PosixFilePermission> OWNER_ONLY_DIRECTORY = PosixFilePermissions.fromString("rwx------");

    /**
     * Below that, a lease is not sure to fit: the log grows by pages, and its successor stands beside it for a moment.
     */
    private static final long ROOM_NEEDED = 64 << 10;
    /** The C library's text for ENOSPC (errno(3)), which is what the JDK tells. */
    private static final String NO_SPACE = "No space left on device";

    private final Path directory;
    private final Path lockFile;
    private final Path logFile;
    private final Path newLogFile;
    private final long compactAtBytes;
    private final LeaseTable table;
    private final LeaseWitness witness;

    private @Nullable FileChannel lockChannel;
    private @Nullable Object lockKey;
    private @Nullable FileChannel logChannel;
    private @Nullable Object logKey;
    /** The end of the last whole line that was read or written: what is behind it is a torn line. */
    private long end;

    private boolean torn;
    private long nextCompaction;
    /** In the file as it is. */
    private int damaged;

    private int everDamaged;
    private int restored;
    /** Known before the file was read anew, and not yet looked for in what was read. */
    private final List<Lease> unconfirmed = new ArrayList<>();
    /** Why the file lacks ends of leases that the table has; null where it does not. */
    private @Nullable IOException behind;

    /**
     * A log whose files are opened, or made, by the first {@link #lock}.
     *
     * @param witness asked about leases that a file lacks which is read anew
     * @param compactAtBytes the log is not compacted before it has this size
     */
    LeaseLog(Path directory, LeaseTable table, LeaseWitness witness, long compactAtBytes) {
        this.witness = witness;
        this.directory = directory;
        this.lockFile = directory.resolve("lock");
        this.logFile = directory.resolve("leases.log");
        this.newLogFile = directory.resolve("leases.log.new");
        this.table = table;
        this.compactAtBytes = compactAtBytes;
        this.nextCompaction = compactAtBytes;
    }

    /** Makes the directory if there is none, and shuts it to others. */
    static void createDirectory(Path directory) throws IOException {
        Files.createDirectories(directory);
        if (!Files.getPosixFilePermissions(directory).equals(OWNER_ONLY_DIRECTORY)) {
            Files.setPosixFilePermissions(directory, OWNER_ONLY_DIRECTORY);
        }
    }

    /** Whether there is anything to read. */
    boolean isThere() {
        return lockChannel != null || Files.exists(logFile);
    }

    /** Waits until no other process has the lock, takes it, and brings the table up to date. */
    FileLock lock() throws IOException {
        while (true) {
            FileChannel channel = lockChannel != null ? lockChannel : openLock();
            FileLock lock = channel.lock();
            try {
                if (refresh()) {
                    return lock;
                }
            } catch (IOException | RuntimeException e) {
                release(lock);
                throw e;
            }
            // Somebody has replaced the directory: this lock excludes nobody.
            release(lock);
            close();
        }
    }

    private static void release(FileLock lock) throws IOException {
        if (lock.acquiredBy().isOpen()) {
            lock.release();
        }
    }

    private FileChannel openLock() throws IOException {
        createDirectory(directory);
        FileChannel channel = FileChannel.open(
                lockFile, Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE), OWNER_ONLY_FILE);
        lockChannel = channel;
        lockKey = key(lockFile);
        return channel;
    }

    private static Object key(Path file) throws IOException {
        return Objects.requireNonNull(
                Files.readAttributes(file, BasicFileAttributes.class).fileKey(), "a file has an inode");
    }

    /** Reads what is new in the file; false if the lock file is another one by now. */
    private boolean refresh() throws IOException {
        BasicFileAttributes attributes;
        try {
            attributes = Files.readAttributes(logFile, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            // The first start, or somebody has deleted the files of a running node: what this process knows is right.
            if (!isLockFileInPlace()) {
                return false;
            }
            compact();
            return true;
        }
        if (logChannel == null || !Objects.equals(attributes.fileKey(), logKey)) {
            if (!isLockFileInPlace()) {
                return false;
            }
            openLog();
            readAnew();
        } else if (attributes.size() < end) {
            readAnew();
        } else if (attributes.size() > end) {
            readFrom(end);
        } else {
            torn = false;
        }
        return true;
    }

    private boolean isLockFileInPlace() throws IOException {
        try {
            return key(lockFile).equals(lockKey);
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private FileChannel openLog() throws IOException {
        if (logChannel != null) {
            logChannel.close();
        }
        FileChannel channel = FileChannel.open(logFile, StandardOpenOption.READ, StandardOpenOption.WRITE);
        logChannel = channel;
        logKey = key(logFile);
        return channel;
    }

    private void readAnew() throws IOException {
        unconfirmed.addAll(table.leases());
        // What could not be written is found out from the kernel again: a lease whose link is gone is none.
        behind = null;
        readFrom(0);
        boolean lost = false;
        for (Lease lease : unconfirmed) {
            if (table.hasRoomFor(lease) && witness.isWired(lease)) {
                append(new LeaseRecord.Leased(lease));
                restored++;
                lost = true;
            }
        }
        unconfirmed.clear();
        if (lost) {
            compactIfPossible();
        }
    }

    private void readFrom(long start) throws IOException {
        if (start == 0) {
            table.clear();
            end = 0;
            damaged = 0;
            nextCompaction = compactAtBytes;
        }
        FileChannel channel = Objects.requireNonNull(logChannel);
        ByteBuffer buffer = ByteBuffer.allocate(Math.toIntExact(channel.size() - start));
        while (buffer.hasRemaining() && channel.read(buffer, start + buffer.position()) >= 0) {
            // Until all is read: one read may give less.
        }
        byte[] bytes = buffer.array();
        int lineStart = 0;
        for (int i = 0; i < buffer.position(); i++) {
            if (bytes[i] == '\n') {
                read(bytes, lineStart, i);
                lineStart = i + 1;
            }
        }
        end = start + lineStart;
        torn = lineStart < buffer.position();
    }

    private void read(byte[] bytes, int from, int to) {
        LeaseRecord record;
        try {
            record = LeaseRecord.parse(bytes, from, to);
        } catch (IllegalArgumentException e) {
            damaged++;
            everDamaged++;
            return;
        }
        if (record instanceof LeaseRecord.Version(int version) && version != LeaseRecord.VERSION) {
            throw new LeaseStoreException(logFile + " has format " + version + ", but this program knows only format "
                    + LeaseRecord.VERSION + "; run the version that wrote it, or drain the node and delete the file");
        }
        table.apply(record);
    }

    /**
     * Writes a record and makes it true in the table; if it can't be written, nothing has changed. But the end of a
     * lease becomes true even so: what is freed must not depend on there being room.
     */
    void append(LeaseRecord record) throws IOException {
        try {
            if (behind != null) {
                compact();
            }
            write(record);
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            if (!isEnd(record)) {
                throw e;
            }
            table.apply(record);
            behind = e;
        }
    }

    private static boolean isEnd(LeaseRecord record) {
        return switch (record) {
            case LeaseRecord.Freed _ -> true;
            case LeaseRecord.Leased(Lease lease) -> lease.state() == LeaseState.RELEASING;
            case LeaseRecord.Version _, LeaseRecord.Cooling _ -> false;
        };
    }

    private void write(LeaseRecord record) throws IOException {
        FileChannel channel = Objects.requireNonNull(logChannel, "the lock is held");
        if (torn) {
            channel.truncate(end);
            torn = false;
        }
        byte[] line = record.line();
        try {
            write(channel, ByteBuffer.wrap(line), end);
        } catch (IOException e) {
            torn = true;
            throw e;
        }
        end += line.length;
        table.apply(record);
        if (end >= nextCompaction) {
            compactIfPossible();
        }
    }

    private void compactIfPossible() throws IOException {
        try {
            compact();
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            // The record is written, and the long file is as right as a short one: tried again when it is longer.
            nextCompaction = 2 * end;
        }
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        long start = position - bytes.position();
        while (bytes.hasRemaining()) {
            channel.write(bytes, start + bytes.position());
        }
    }

    /** Replaces the file by one that says only what is true now. */
    private void compact() throws IOException {
        List<LeaseRecord> records = table.snapshot();
        Files.deleteIfExists(newLogFile);
        long size;
        try {
            size = writeNew(records);
        } catch (IOException e) {
            // Half a file would only take the room that is missing.
            Files.deleteIfExists(newLogFile);
            throw e;
        }
        Files.move(newLogFile, logFile, StandardCopyOption.ATOMIC_MOVE);
        openLog();
        end = size;
        torn = false;
        damaged = 0;
        behind = null;
        // Four times what is true: so writing it again costs each record a constant share.
        nextCompaction = Math.max(compactAtBytes, 4 * size);
    }

    private long writeNew(List<LeaseRecord> records) throws IOException {
        long size = 0;
        try (FileChannel channel = FileChannel.open(
                newLogFile, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), OWNER_ONLY_FILE)) {
            ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
            for (LeaseRecord record : records) {
                byte[] line = record.line();
                if (buffer.remaining() < line.length) {
                    write(channel, buffer.flip(), size);
                    size += buffer.position();
                    buffer.clear();
                }
                buffer.put(line);
            }
            write(channel, buffer.flip(), size);
            return size + buffer.position();
        }
    }

    /** Writes the file anew if it has damaged lines, or lacks what could not be written. */
    void mend() throws IOException {
        if (damaged > 0 || behind != null) {
            compact();
        }
    }

    /**
     * Fails where a lease could not be written now.
     *
     * @throws IOException with why
     */
    void requireWritable() throws IOException {
        if (behind != null) {
            compact();
        }
        Path there = directory;
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        // That of a FileStore would read the table of all mounts for it, to which each container of the node adds.
        long free = there.toFile().getUsableSpace();
        if (free < ROOM_NEEDED) {
            throw new FileSystemException(directory.toString(), null, "only " + free + " bytes are free: " + NO_SPACE);
        }
    }

    /** What went wrong and what to do about it, for people. */
    static String reason(IOException e) {
        boolean full = String.valueOf(e.getMessage()).contains(NO_SPACE);
        return e + (full ? "; free space on its file system ('df' shows how full it is)" : "; check the file system");
    }

    /** What was damaged so far. */
    LeaseStore.Damage damage() {
        return new LeaseStore.Damage(everDamaged, restored);
    }

    /** Closes the files; the next {@link #lock} opens them again, and reads all of the log. */
    @Override
    public void close() throws IOException {
        FileChannel lock = lockChannel;
        FileChannel log = logChannel;
        lockChannel = null;
        logChannel = null;
        logKey = null;
        try (lock;
                log) {
            torn = false;
        }
    }
}
