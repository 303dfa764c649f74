package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseState;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Rtnetlink;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Reaps many links at once, in a thread of its own: the kernel waits for a grace period (some 20 ms) for each request
 * that deletes links, not for each link. The links of a batch are put into one group, which is then deleted.
 *
 * <p>While the kernel deletes, it holds the lock that wiring needs too. So a batch waits until no request has arrived
 * for a moment, but not without limit.
 */
public final class BatchReaper implements Reaper {
    /** A link group of Ikat's own ("ikrp"); groups are plain numbers with no registry. */
    private static final int GROUP = 0x696b_7270;

    private static final Duration QUIET = Duration.ofMillis(50);
    private static final Duration LONGEST_WAIT = Duration.ofMillis(500);

    private final LeaseStore leases;
    private final NodeNetwork node;
    private final PodWiring wiring;
    private final PodPolicy policy;
    private final PodConnections connections;
    private final StepObserver observer;
    private final Consumer<RuntimeException> onFailure;
    private final Thread thread;

    private final ReentrantLock queueLock = new ReentrantLock();
    private final Condition queued = queueLock.newCondition();
    private final Map<Attachment, Lease> queue = new LinkedHashMap<>();
    private boolean closed;
    private long lastArrival;

    /** Held while links are deleted and leases freed, so that an attachment is reaped by one thread at a time. */
    private final ReentrantLock reaping = new ReentrantLock();

    /**
     * @param leases the lease store
     * @param node the namespace of the links
     * @param policy is called before a lease is freed, so that the end of one does not affect the next one
     * @param connections end before a lease is freed
     * @param observer is called for each step
     * @param onFailure is called for a batch that failed; its leases stay, and {@link Recovery} hands them over again
     */
    public BatchReaper(
            LeaseStore leases,
            NodeNetwork node,
            PodPolicy policy,
            PodConnections connections,
            StepObserver observer,
            Consumer<RuntimeException> onFailure) {
        this.leases = leases;
        this.node = node;
        this.wiring = new PodWiring(node);
        this.policy = policy;
        this.connections = connections;
        this.observer = observer;
        this.onFailure = onFailure;
        this.thread = Thread.ofPlatform().name("ikat-reaper").daemon().unstarted(this::run);
    }

    /** Starts the thread. */
    public BatchReaper start() {
        thread.start();
        return this;
    }

    @Override
    public void reap(Lease lease) {
        queueLock.lock();
        try {
            queue.put(lease.attachment(), lease);
            lastArrival = System.nanoTime();
            queued.signalAll();
        } finally {
            queueLock.unlock();
        }
    }

    @Override
    public void reapNow(Attachment attachment) {
        reaping.lock();
        try {
            leases.find(attachment)
                    .filter(lease -> lease.state() == LeaseState.RELEASING)
                    .ifPresent(lease -> deleteAll(List.of(lease)));
        } finally {
            reaping.unlock();
        }
    }

    private void run() {
        try {
            while (awaitBatch()) {
                reapQueued();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits for work, and then for quiet; false when closed and nothing is left. */
    private boolean awaitBatch() throws InterruptedException {
        queueLock.lock();
        try {
            while (queue.isEmpty()) {
                if (closed) {
                    return false;
                }
                queued.await();
            }
            long deadline = System.nanoTime() + LONGEST_WAIT.toNanos();
            while (!closed) {
                long now = System.nanoTime();
                long wait = Math.min(lastArrival + QUIET.toNanos() - now, deadline - now);
                if (wait <= 0) {
                    break;
                }
                queued.awaitNanos(wait);
            }
            return true;
        } finally {
            queueLock.unlock();
        }
    }

    private void reapQueued() {
        reaping.lock();
        try {
            List<Lease> batch;
            queueLock.lock();
            try {
                batch = List.copyOf(queue.values());
                queue.clear();
            } finally {
                queueLock.unlock();
            }
            deleteAll(batch);
        } catch (RuntimeException e) {
            onFailure.accept(e);
        } finally {
            reaping.unlock();
        }
    }

    private void deleteAll(List<Lease> batch) {
        // Another process, or reapNow, may have been faster; its attachment may even live again.
        List<Lease> current = batch.stream()
                .filter(lease -> leases.find(lease.attachment()).equals(Optional.of(lease)))
                .toList();
        if (current.isEmpty()) {
            return;
        }
        try {
            observer.reached(Verb.DEL, "delete");
            if (current.size() == 1) {
                wiring.deleteLink(PodLink.of(current.getFirst().attachment()));
            } else {
                deleteLinks(current);
            }
            current.forEach(policy::release);
            connections.end(current.stream()
                    .flatMap(lease -> lease.addresses().stream())
                    .collect(Collectors.toUnmodifiableSet()));
            observer.reached(Verb.DEL, "free");
            current.forEach(leases::freeIfUnchanged);
        } finally {
            observer.finished();
        }
    }

    private void deleteLinks(List<Lease> batch) {
        node.with(host -> {
            List<Request> intoGroup = new ArrayList<>(batch.size());
            for (Lease lease : batch) {
                PodLink link = PodLink.of(lease.attachment());
                Optional<Link> found = host.link(link.hostName()).filter(link::isHostEndOfThis);
                found.ifPresent(end -> intoGroup.add(
                        Requests.change(LinkChange.of(end.index()).group(GROUP)).ignoring(Errno.ENODEV)));
            }
            if (!intoGroup.isEmpty()) {
                host.execute(intoGroup);
                deleteGroup(host);
            }
            return true;
        });
    }

    private static void deleteGroup(Rtnetlink host) {
        try {
            host.execute(Requests.deleteLinkGroup(GROUP));
        } catch (NetlinkException e) {
            // The containers' namespaces ended meanwhile and took all of the links with them.
            if (e.errno() != Errno.ENODEV) {
                throw e;
            }
        }
    }

    @Override
    public void endConnections(Lease lease) {
        connections.end(Set.copyOf(lease.addresses()));
    }

    @Override
    public void close() {
        queueLock.lock();
        try {
            closed = true;
            queued.signalAll();
        } finally {
            queueLock.unlock();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
