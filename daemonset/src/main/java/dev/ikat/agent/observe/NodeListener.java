package dev.ikat.agent.observe;

import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.model.IpAddress;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the health endpoint listen at the addresses that the node's object says, as they come and go. That it can't is no
 * reason for the node not to be ready: the kubelet asks at loopback. Not thread-safe.
 */
public final class NodeListener {
    private static final Logger LOG = LoggerFactory.getLogger(NodeListener.class);

    private final HealthEndpoint endpoint;
    private final int port;
    private final Supplier<? extends Collection<IpAddress>> addresses;
    private final RecentErrors errors;
    /** The addresses when they were last looked at, and what was wrong with them. */
    private Set<InetSocketAddress> wanted = Set.of();

    private Map<InetSocketAddress, String> failures = Map.of();

    /**
     * @param port the port at each address
     * @param addresses the node's; empty before its object is known
     */
    public NodeListener(
            HealthEndpoint endpoint,
            int port,
            Supplier<? extends Collection<IpAddress>> addresses,
            RecentErrors errors) {
        this.endpoint = endpoint;
        this.port = port;
        this.addresses = addresses;
        this.errors = errors;
    }

    /** Looks at the addresses, and tries again where it could not listen. */
    public void check() {
        Set<InetSocketAddress> now = new LinkedHashSet<>();
        addresses.get().forEach(address -> now.add(new InetSocketAddress(address.toInetAddress(), port)));
        if (now.isEmpty() || (now.equals(wanted) && failures.isEmpty())) {
            // While the node's object is gone, what listens goes on.
            return;
        }
        Map<InetSocketAddress, String> failed = endpoint.alsoAt(now);
        failed.forEach((address, reason) -> {
            errors.add("listen", reason);
            if (!reason.equals(failures.get(address))) {
                LOG.atWarn().addKeyValue("error", reason).log("listen-failed");
            }
        });
        for (InetSocketAddress address : now) {
            if (!failed.containsKey(address) && (!wanted.contains(address) || failures.containsKey(address))) {
                LOG.atInfo().addKeyValue("address", address).log("metrics-served");
            }
        }
        wanted = now;
        failures = failed;
    }
}
