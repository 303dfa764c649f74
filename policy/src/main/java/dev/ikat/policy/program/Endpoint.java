package dev.ikat.policy.program;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.Attachment;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One interface of a container on this node: where its policy is enforced.
 *
 * @param attachment the container and its interface
 * @param hostInterface the host end of its link, unique on the node
 * @param addresses the addresses that it was given, at least one; it may send from no others
 * @param pod the pod that it belongs to; empty if the container is not a Kubernetes pod's, as far as its runtime said:
 *     then it is the only pod's that is said to run here with its address, and if there is none, nothing selects it
 * @param nameLost whether it may be a pod's although {@code pod} is empty, because what the runtime said was lost:
 *     then, if no pod is said to have its address, nothing passes as soon as there is any policy
 */
public record Endpoint(
        Attachment attachment,
        InterfaceName hostInterface,
        List<IpAddress> addresses,
        Optional<ObjectKey> pod,
        boolean nameLost) {
    /** One of which is known whether it is a pod's. */
    public Endpoint(
            Attachment attachment, InterfaceName hostInterface, List<IpAddress> addresses, Optional<ObjectKey> pod) {
        this(attachment, hostInterface, addresses, pod, false);
    }

    public Endpoint {
        Objects.requireNonNull(attachment, "attachment");
        Objects.requireNonNull(hostInterface, "hostInterface");
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("the endpoint " + hostInterface + " has no address");
        }
        if (pod.isPresent() && !pod.get().kind().equals(ObjectKind.POD)) {
            throw new IllegalArgumentException("the endpoint " + hostInterface + " can't be a " + pod.get());
        }
    }
}
