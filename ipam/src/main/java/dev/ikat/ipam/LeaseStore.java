package dev.ikat.ipam;

import dev.ikat.model.Attachment;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The addresses that each interface of each container on this node has. No address is leased twice, whichever network,
 * thread or process asks, and no lease is lost if a process is killed at any moment.
 *
 * <p>The store is a directory on a file system that a reboot clears, as it clears the network namespaces. All methods
 * see what other processes did before, exclude each other across processes, and are thread-safe. If the calling thread
 * is interrupted, it stays interrupted, and the method is not affected.
 *
 * <p>A freed address is assigned again only when the ranges have no address left that was never used; then the one that
 * has been free for longest comes first.
 */
public final class LeaseStore implements AutoCloseable {
    /** As many freed addresses as a /16 has: more are not remembered in order, so that a /64 costs no more memory. */
    private static final int MAX_COOLING = 1 << 16;

    private static final long COMPACT_AT_BYTES = 256 << 10;

    /**
     * One for each directory in this process. A file lock belongs to the process (fcntl(2)): it neither holds off the
     * process's other threads, nor survives that one of them closes the file.
     */
    private static final Map<Object, ReentrantLock> THREAD_LOCKS = new ConcurrentHashMap<>();

    private final Path directory;
    private final Clock clock;
    private final long pid = ProcessHandle.current().pid();
    private final ReentrantLock threadLock;
    private final LeaseTable table;
    private final LeaseLog log;
    /** Whether nothing is made on the file system before there is a lease to write. */
    private final boolean lazy;

    private boolean closed;

    private LeaseStore(
            Path directory, Clock clock, LeaseWitness witness, int maxCooling, long compactAtBytes, boolean lazy)
            throws IOException {
        if (!lazy) {
            LeaseLog.createDirectory(directory);
        }
        this.lazy = lazy;
        this.directory = directory;
        this.clock = clock;
        this.threadLock = Files.exists(directory)
                ? THREAD_LOCKS.computeIfAbsent(identity(directory), _ -> new ReentrantLock())
                : new ReentrantLock();
        this.table = new LeaseTable(maxCooling);
        this.log = new LeaseLog(directory, table, witness, compactAtBytes);
    }

    /** Device and inode: a path's real one is another's where it leads through /proc/PID/root (proc(5)). */
    private static Object identity(Path directory) throws IOException {
        Object key = Files.readAttributes(directory, BasicFileAttributes.class).fileKey();
        return key == null ? directory.toRealPath() : key;
    }

    /**
     * Opens the store in a directory, which is created if it does not exist (mode 0700, files 0600).
     *
     * @param clock the time of {@link Lease#since()}
     * @throws LeaseStoreException if it can't be read or created
     */
    public static LeaseStore open(Path directory, Clock clock) {
        return open(directory, clock, LeaseWitness.NONE);
    }

    /**
     * As {@link #open(Path, Clock)}, for a long-lived process whose leases must not be lost when the files are damaged.
     *
     * @param witness says which of the leases that the files lack are in use
     */
    public static LeaseStore open(Path directory, Clock clock, LeaseWitness witness) {
        return open(directory, clock, witness, MAX_COOLING, COMPACT_AT_BYTES, false);
    }

    /**
     * As {@link #open(Path, Clock)}, for a single request: if the directory does not exist there are no leases, and it
     * is created only when a lease is written.
     */
    public static LeaseStore openLazily(Path directory, Clock clock) {
        return open(directory, clock, LeaseWitness.NONE, MAX_COOLING, COMPACT_AT_BYTES, true);
    }

    static LeaseStore open(Path directory, Clock clock, int maxCooling, long compactAtBytes) {
        return open(directory, clock, LeaseWitness.NONE, maxCooling, compactAtBytes, false);
    }

    private static LeaseStore open(
            Path directory, Clock clock, LeaseWitness witness, int maxCooling, long compactAtBytes, boolean lazy) {
        LeaseStore store;
        try {
            store = new LeaseStore(directory, clock, witness, maxCooling, compactAtBytes, lazy);
        } catch (IOException e) {
            throw new LeaseStoreException("can't create the lease directory " + directory + ": " + e, e);
        }
        try {
            // Reads what is there.
            store.exclusively("open the leases", () -> true);
        } catch (RuntimeException e) {
            store.close();
            throw e;
        }
        return store;
    }

    /**
     * Leases one address of each family of the plan. If the attachment has a lease of this network, that is returned
     * unchanged; if it is pending, this process takes it over; if it was rebuilt, it now belongs to this network and
     * pod.
     *
     * @param pod the pod that a new lease belongs to
     * @param requested addresses that the runtime asked for, at most one of each family; the others are chosen
     * @return the lease, {@link LeaseState#PENDING} unless it was active already
     * @throws AddressExhaustedException if all addresses of a family are leased
     * @throws AddressUnavailableException if a requested one is outside the plan, excluded, or leased
     * @throws LeaseBusyException if the attachment is being released
     * @throws AttachmentTakenException if the attachment belongs to another network
     * @throws LeaseStoreException if the files can't be read or written
     */
    public Lease allocate(
            Attachment attachment,
            NetworkName network,
            Optional<PodName> pod,
            AddressPlan plan,
            List<IpAddress> requested) {
        return writing("lease an address for " + attachment, () -> {
            Optional<Lease> known = table.find(attachment);
            if (known.isPresent()) {
                Lease lease = known.get();
                if (!lease.mayBeOf(network)) {
                    throw new AttachmentTakenException(lease, network);
                }
                return switch (lease.state()) {
                    case ACTIVE -> lease.isRebuilt() ? write(lease.known(network, pod)) : lease;
                    case RELEASING -> throw new LeaseBusyException(lease);
                    case PENDING ->
                        lease.ownerPid() == pid ? lease : write(lease.in(LeaseState.PENDING, clock.instant(), pid));
                };
            }
            List<IpAddress> addresses = table.choose(network, plan, requested);
            return write(new Lease(attachment, network, pod, addresses, LeaseState.PENDING, clock.instant(), pid));
        });
    }

    /**
     * Creates a lease from the addresses that an attachment has in the kernel: {@link LeaseState#ACTIVE}, with unknown
     * network and pod. An existing lease is not changed.
     *
     * @return the lease, empty if there was one
     * @throws AddressUnavailableException if another attachment has one of the addresses
     * @throws LeaseStoreException if the files can't be read or written
     */
    public Optional<Lease> rebuild(Attachment attachment, List<IpAddress> addresses) {
        return writing("rebuild the lease of " + attachment, () -> {
            if (table.find(attachment).isPresent()) {
                return Optional.empty();
            }
            for (IpAddress address : addresses) {
                table.requireFree(address);
            }
            return Optional.of(write(new Lease(
                    attachment,
                    Lease.UNKNOWN_NETWORK,
                    Optional.empty(),
                    addresses,
                    LeaseState.ACTIVE,
                    clock.instant(),
                    pid)));
        });
    }

    private Lease write(Lease lease) throws IOException {
        log.append(new LeaseRecord.Leased(lease));
        return lease;
    }

    /**
     * Marks the lease {@link LeaseState#ACTIVE}; idempotent.
     *
     * @return the lease as it is now
     * @throws LeaseGoneException if there is none
     * @throws LeaseBusyException if it is being released
     * @throws LeaseStoreException if the files can't be read or written
     */
    public Lease activate(Attachment attachment) {
        return writing("activate the lease of " + attachment, () -> {
            Lease lease = table.find(attachment).orElseThrow(() -> new LeaseGoneException(attachment));
            return switch (lease.state()) {
                case PENDING -> write(lease.in(LeaseState.ACTIVE, clock.instant(), pid));
                case ACTIVE -> lease;
                case RELEASING -> throw new LeaseBusyException(lease);
            };
        });
    }

    /**
     * Marks the lease {@link LeaseState#RELEASING}, whatever its state; its addresses stay taken.
     *
     * @return the lease as it is now; empty if there is none
     * @throws LeaseStoreException if the files can't be read or written
     */
    public Optional<Lease> beginRelease(Attachment attachment) {
        return exclusively("release the lease of " + attachment, () -> {
            Optional<Lease> known = table.find(attachment);
            if (known.isEmpty() || known.get().state() == LeaseState.RELEASING) {
                return known;
            }
            return Optional.of(write(known.get().in(LeaseState.RELEASING, clock.instant(), pid)));
        });
    }

    /**
     * Ends the lease, whatever its state: its addresses can be assigned again, after all others that are free.
     *
     * @return whether there was one
     * @throws LeaseStoreException if the files can't be read or written
     */
    public boolean free(Attachment attachment) {
        return exclusively("free the lease of " + attachment, () -> {
            Optional<Lease> known = table.find(attachment);
            return known.isPresent() && end(known.get());
        });
    }

    /**
     * Ends the lease if it is unchanged: for callers that decided so from a lease that they read before.
     *
     * @return whether it was unchanged
     * @throws LeaseStoreException if the files can't be read or written
     */
    public boolean freeIfUnchanged(Lease lease) {
        return exclusively(
                "free the lease of " + lease.attachment(),
                () -> table.find(lease.attachment()).equals(Optional.of(lease)) && end(lease));
    }

    private boolean end(Lease lease) throws IOException {
        log.append(new LeaseRecord.Freed(lease.attachment(), lease.addresses()));
        return true;
    }

    /**
     * The lease of an attachment.
     *
     * @throws LeaseStoreException if the files can't be read
     */
    public Optional<Lease> find(Attachment attachment) {
        return exclusively("find the lease of " + attachment, () -> table.find(attachment));
    }

    /**
     * All leases of all networks at this moment, the oldest first.
     *
     * @throws LeaseStoreException if the files can't be read
     */
    public List<Lease> leases() {
        return exclusively("list the leases", table::leases);
    }

    /**
     * How full the ranges of a plan are at this moment, in their order.
     *
     * @throws LeaseStoreException if the files can't be read
     */
    public List<RangeUsage> usage(AddressPlan plan) {
        return exclusively(
                "count the leases",
                () -> plan.ranges().stream().map(table::usage).toList());
    }

    /** The directory of the files. */
    public Path directory() {
        return directory;
    }

    /**
     * The damage that this process found in the files since it opened them.
     *
     * @param damaged records that could not be read, except the one that a killed process was writing: the file system
     *     is broken, or somebody edits the file
     * @param restored leases that the files had lost and that this process still knew
     */
    public record Damage(int damaged, int restored) {}

    /** The damage found so far. */
    public Damage damage() {
        return exclusively("count the damaged records", log::damage);
    }

    /** Writes all files again if a record is damaged, so that other processes find them intact. */
    public void mend() {
        exclusively("write the leases again", () -> {
            log.mend();
            return true;
        });
    }

    /**
     * Checks that a lease could be written now.
     *
     * @throws LeaseStoreException if not; the message says why and what to do
     */
    public void requireWritable() {
        exclusively("write leases", () -> {
            log.requireWritable();
            return true;
        });
    }

    /** Closes the files. Leases stay as they are. */
    @Override
    public void close() {
        threadLock.lock();
        try {
            closed = true;
            log.close();
        } catch (IOException e) {
            throw new LeaseStoreException("can't close the files in " + directory + ": " + e, e);
        } finally {
            threadLock.unlock();
        }
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    /** For what makes a lease: the files have to be there. */
    private <T> T writing(String purpose, Work<T> work) {
        return exclusively(purpose, true, work);
    }

    private <T> T exclusively(String purpose, Work<T> work) {
        return exclusively(purpose, !lazy, work);
    }

    private <T> T exclusively(String purpose, boolean makes, Work<T> work) {
        boolean interrupted = Thread.interrupted();
        threadLock.lock();
        try {
            while (true) {
                if (closed) {
                    throw new IllegalStateException("can't " + purpose + ": the lease store is closed");
                }
                FileLock lock = null;
                try {
                    if (makes || log.isThere()) {
                        lock = log.lock();
                    }
                    return work.run();
                } catch (ClosedChannelException | FileLockInterruptionException e) {
                    // An interruption closes the files under whoever uses them. What was written is found again, and
                    // every piece of work here can be done twice.
                    interrupted |= Thread.interrupted();
                    log.close();
                } finally {
                    if (lock != null && lock.acquiredBy().isOpen()) {
                        lock.release();
                    }
                }
            }
        } catch (IOException e) {
            throw new LeaseStoreException("can't " + purpose + " in " + directory + ": " + LeaseLog.reason(e), e);
        } finally {
            threadLock.unlock();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
