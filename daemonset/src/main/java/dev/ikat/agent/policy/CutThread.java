package dev.ikat.agent.policy;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyView;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Cuts what policy forbids, and lets go on what it allows again, in a thread of its own, since looking through all
 * connections can take longer than a pod should wait. What is told meanwhile is looked for at once.
 */
final class CutThread implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CutThread.class);
    private static final Duration RETRY = Duration.ofSeconds(1);

    private final ConnectionCutter cutter;
    private final PolicyView policy;
    private final PolicyMetrics metrics;
    private final Thread thread;
    private Set<IpAddress> ends = new HashSet<>();
    private boolean all;
    private boolean changed;
    private boolean closed;

    /** @param cutter closed with this */
    CutThread(ConnectionCutter cutter, PolicyView policy, PolicyMetrics metrics) {
        this.cutter = cutter;
        this.policy = policy;
        this.metrics = metrics;
        this.thread = Thread.ofPlatform().daemon().name("policy-cut").start(this::run);
    }

    /** This is in force. */
    synchronized void cut(PolicyChange change) {
        ends.addAll(ConnectionCutter.ends(change));
        changed = true;
        notifyAll();
    }

    /** Everything was put in force anew. */
    synchronized void cutAll() {
        all = true;
        notifyAll();
    }

    private void run() {
        try {
            while (true) {
                Set<IpAddress> some;
                boolean everything;
                synchronized (this) {
                    while (!closed && !all && !changed) {
                        wait();
                    }
                    if (closed) {
                        return;
                    }
                    some = ends;
                    everything = all;
                    ends = new HashSet<>();
                    all = false;
                    changed = false;
                }
                try {
                    metrics.cut(everything ? cutter.cutAll(policy) : cutter.cut(some, policy));
                    cutter.letGoOn(policy);
                } catch (NetlinkException e) {
                    LOG.atError().addKeyValue("error", e.getMessage()).log("cut-failed");
                    Thread.sleep(RETRY);
                    cutAll();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            thread.join(Duration.ofSeconds(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        cutter.close();
    }
}
