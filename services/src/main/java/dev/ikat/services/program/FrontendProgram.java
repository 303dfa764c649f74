package dev.ikat.services.program;

import dev.ikat.model.Cidr;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What becomes of connections to one frontend. A connection comes from <em>inside</em> if a pod of this node or this
 * node itself (which includes pods in its network) begins it, and else from <em>outside</em>.
 *
 * <p>A backend sees the client's own address if the client is a pod of this node, or if the connection comes from
 * outside and {@code keepsSource}; otherwise it sees an address of this node, by which its answers come back here. A
 * pod that reaches itself sees the node's address too.
 *
 * @param frontend where they arrive
 * @param service the service's port
 * @param kind which of the service's addresses that is
 * @param inside what becomes of connections from inside
 * @param outside what becomes of connections from outside
 * @param keepsSource whether connections from outside keep their source address ({@code externalTrafficPolicy: Local});
 *     all backends of {@code outside} are then on this node
 * @param affinity how long after its last new connection a client's address still gets the same backend, 1 to 86400 s
 *     ({@code sessionAffinityConfig.clientIP.timeoutSeconds}); empty for none
 * @param sources from which addresses connections are accepted, whether from inside or outside; others are dropped
 *     ({@code loadBalancerSourceRanges}); empty for all
 */
public record FrontendProgram(
        Frontend frontend,
        ServicePortName service,
        Kind kind,
        Target inside,
        Target outside,
        boolean keepsSource,
        Optional<Duration> affinity,
        List<Cidr> sources) {
    /** Which of a service's addresses a frontend has. */
    public enum Kind {
        /** Its {@code clusterIPs}. */
        CLUSTER_IP,
        /** An address of this node, and the port's {@code nodePort}. */
        NODE_PORT,
        /** One of its {@code externalIPs}. */
        EXTERNAL_IP,
        /** One of {@code status.loadBalancer.ingress}. */
        LOAD_BALANCER
    }

    public FrontendProgram {
        sources = List.copyOf(sources);
        for (Cidr source : sources) {
            if (source.family() != frontend.address().family()) {
                throw new IllegalArgumentException(frontend + " can't be reached from " + source);
            }
        }
    }

    /** The backends of connections from either side. */
    public Set<Backend> backends() {
        Set<Backend> backends = new HashSet<>(inside.backends());
        backends.addAll(outside.backends());
        return backends;
    }
}
