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
 * One interface of a container on this node, on which its policy is enforced.
 *
 * @param attachment the container and its interface
 * @param hostInterface the host end of its veth pair, unique on the node
 * @param addresses its addresses, at least one; it may send from no others
 * @param pod the pod that it belongs to; empty if the runtime named none. Then it is treated as the only Pod object of
 *     this node that claims its address; if there is none, no policy selects it
 * @param nameLost whether it may belong to a pod although {@code pod} is empty, because what the runtime said was lost:
 *     then, if no Pod object claims its address, it is denied everything as soon as any policy exists
 */
public record Endpoint(
        Attachment attachment,
        InterfaceName hostInterface,
        List<IpAddress> addresses,
        Optional<ObjectKey> pod,
        boolean nameLost) {
    /** An endpoint of which it is known whether it belongs to a pod. */
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
            throw new IllegalArgumentException(
                    "invalid address for the endpoint " + hostInterface + ": it can't be a " + pod.get());
        }
    }
}
