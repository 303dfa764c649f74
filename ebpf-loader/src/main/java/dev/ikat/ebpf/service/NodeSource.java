package dev.ikat.ebpf.service;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Rtnetlink;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The source addresses of what the node itself sends from sockets that are not bound to one. Not thread-safe. */
final class NodeSource implements AutoCloseable {
    private final Rtnetlink netlink;
    private final Map<IpAddress, Optional<IpAddress>> known = new HashMap<>();

    NodeSource(NetworkNamespace namespace) {
        netlink = Rtnetlink.open(namespace);
    }

    /** The source address of what is sent to a frontend; empty if there is no route. */
    Optional<IpAddress> of(StickyFrontend frontend) {
        return known.computeIfAbsent(frontend.frontend().address(), netlink::sourceTo);
    }

    @Override
    public void close() {
        netlink.close();
    }
}
