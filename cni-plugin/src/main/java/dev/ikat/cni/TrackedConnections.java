package dev.ikat.cni;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.netfilter.Conntrack;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Those that the kernel's connection tracking knows. Thread-safe. */
public final class TrackedConnections implements PodConnections {
    private final NodeNetwork node;
    private final Consumer<String> warning;
    private Optional<String> told = Optional.empty();

    /**
     * @param node where they are tracked
     * @param warning told what goes wrong, the same thing once: a kernel may not track connections at all
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
            String reason = "connections of pods that went can't be ended, so packets of theirs may come to who has"
                    + " their addresses next: " + e.getMessage();
            if (!told.equals(Optional.of(reason))) {
                told = Optional.of(reason);
                warning.accept(reason);
            }
        }
    }
}
