package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseWitness;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Rtnetlink;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Function;

/**
 * The node's network namespace and sockets in it. A socket serves one batch at a time, so each thread that works at the
 * same time takes one, and leaves it for the next.
 */
public final class NodeNetwork implements AutoCloseable {
    private final NetworkNamespace namespace;
    private final ConcurrentLinkedDeque<Rtnetlink> idle = new ConcurrentLinkedDeque<>();

    private NodeNetwork(NetworkNamespace namespace) {
        this.namespace = namespace;
    }

    /** The calling thread's namespace. */
    public static NodeNetwork current() {
        return new NodeNetwork(NetworkNamespace.current());
    }

    /** This namespace, which is closed along with this object. */
    public static NodeNetwork of(NetworkNamespace namespace) {
        return new NodeNetwork(namespace);
    }

    /** Considers a lease in use as long as its link exists. */
    public LeaseWitness witness() {
        return this::isWired;
    }

    /** Whether the lease's link is there. */
    boolean isWired(Lease lease) {
        PodLink link = PodLink.of(lease.attachment());
        return with(host -> host.link(link.hostName()))
                .filter(link::isHostEndOfThis)
                .isPresent();
    }

    NetworkNamespace namespace() {
        return namespace;
    }

    /** What the task returns, given a socket that nobody else uses meanwhile. */
    <T> T with(Function<Rtnetlink, T> task) {
        Rtnetlink free = idle.pollFirst();
        Rtnetlink socket = free != null ? free : Rtnetlink.open(namespace);
        T result;
        try {
            result = task.apply(socket);
        } finally {
            // A failed request leaves the socket usable: the acknowledgements of its batch were all read.
            idle.addFirst(socket);
        }
        return result;
    }

    @Override
    public void close() {
        for (Rtnetlink socket = idle.pollFirst(); socket != null; socket = idle.pollFirst()) {
            socket.close();
        }
        namespace.close();
    }
}
