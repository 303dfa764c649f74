package dev.ikat.ipam;

import dev.ikat.model.Attachment;
import dev.ikat.model.IpAddress;
import dev.ikat.model.NetworkName;
import dev.ikat.model.PodName;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The addresses of one interface of one container.
 *
 * @param attachment the attachment that has them
 * @param network the network that assigned them
 * @param pod the Kubernetes pod that the container belongs to; empty if the runtime named none
 * @param addresses one of each family of the network's plan, in the plan's order
 * @param state the attachment's state
 * @param since when it entered that state, in milliseconds
 * @param ownerPid the process that brought it into that state
 */
public record Lease(
        Attachment attachment,
        NetworkName network,
        Optional<PodName> pod,
        List<IpAddress> addresses,
        LeaseState state,
        Instant since,
        long ownerPid) {
    /**
     * The network of a lease that was rebuilt from the kernel, which knows neither network nor pod. It is a valid name,
     * so that earlier versions can read such a lease.
     */
    public static final NetworkName UNKNOWN_NETWORK = new NetworkName("unknown-network");

    public Lease {
        Objects.requireNonNull(attachment, "attachment");
        Objects.requireNonNull(network, "network");
        Objects.requireNonNull(pod, "pod");
        Objects.requireNonNull(state, "state");
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("the lease of " + attachment + " has no address");
        }
        since = since.truncatedTo(ChronoUnit.MILLIS);
    }

    /** Whether it was rebuilt from the kernel, so that its network and its pod are not known. */
    public boolean isRebuilt() {
        return network.equals(UNKNOWN_NETWORK);
    }

    /** Whether it belongs to this network, or may belong to it because its network is not known. */
    public boolean mayBeOf(NetworkName name) {
        return isRebuilt() || network.equals(name);
    }

    /** The same once it is known whose it is. */
    Lease known(NetworkName name, Optional<PodName> podName) {
        return new Lease(attachment, name, podName, addresses, state, since, ownerPid);
    }

    Lease in(LeaseState next, Instant now, long pid) {
        return new Lease(attachment, network, pod, addresses, next, now, pid);
    }
}
