package dev.ikat.cni;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.netfilter.Conntrack;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** The connections in the kernel's connection tracking. Thread-safe. */
public final class TrackedConnections implements PodConnections {
    private final NodeNetwork node;
    private final Consumer<String> warning;
    private Optional<String> told = Optional.empty();

    /**
     * @param node the namespace in which they are tracked
     * @param warning receives failures, the same one only once: a kernel may have no connection tracking
     */
    public TrackedConnections(NodeNetwork node, Consumer<String> warning) {
        this.node = node;
        this.warning = warning;
    }

    @Override
    public synchronized void end(Set<IpAddress> addresses) {
        try (Conntrack conntrack = Conntrack.open(node.namespace())) {
            conntrack.delete(conntrack.entries(addresses));
            told = Optional.empty();
        } catch (NetlinkException e) {
            String reason = "connections of deleted pods can't be ended, so that packets of these may reach the next "
                    + "pods with their addresses: " + e.getMessage();
            if (!told.equals(Optional.of(reason))) {
                told = Optional.of(reason);
                warning.accept(reason);
            }
        }
    }
}
