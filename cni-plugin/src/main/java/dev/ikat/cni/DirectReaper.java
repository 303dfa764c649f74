package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseState;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import java.util.Set;

/** Reaps in the calling thread: for a process that ends with its answer. */
public final class DirectReaper implements Reaper {
    private final LeaseStore leases;
    private final PodWiring wiring;
    private final PodConnections connections;
    private final StepObserver observer;

    /**
     * @param leases the lease store
     * @param node the namespace of the links
     * @param connections end before a lease is freed
     * @param observer is called for each step
     */
    public DirectReaper(LeaseStore leases, NodeNetwork node, PodConnections connections, StepObserver observer) {
        this.leases = leases;
        this.wiring = new PodWiring(node);
        this.connections = connections;
        this.observer = observer;
    }

    @Override
    public void reap(Lease lease) {
        observer.reached(Verb.DEL, "delete");
        wiring.deleteLink(PodLink.of(lease.attachment()));
        endConnections(lease);
        observer.reached(Verb.DEL, "free");
        leases.freeIfUnchanged(lease);
    }

    @Override
    public void reapNow(Attachment attachment) {
        leases.find(attachment)
                .filter(lease -> lease.state() == LeaseState.RELEASING)
                .ifPresent(this::reap);
    }

    @Override
    public void endConnections(Lease lease) {
        connections.end(Set.copyOf(lease.addresses()));
    }

    @Override
    public void close() {}
}
