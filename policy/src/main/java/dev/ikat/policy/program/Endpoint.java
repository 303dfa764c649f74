package dev.ikat.policy.program;

import dev.ikat.model.Attachment;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.ObjectKey;
import dev.ikat.policy.ObjectKind;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One interface of a container on this node: where its policy is enforced.
 *
 * @param attachment the container and its interface
 * @param hostInterface the host end of its link, unique on the node
 * @param addresses the addresses that it was given, at least one; it may send from no others
 * @param pod the pod that it belongs to; empty if the container is not a Kubernetes pod's, and then nothing selects it
 */
public record Endpoint(
        Attachment attachment, InterfaceName hostInterface, List<IpAddress> addresses, Optional<ObjectKey> pod) {
    public Endpoint {
        Objects.requireNonNull(attachment, "attachment");
        Objects.requireNonNull(hostInterface, "hostInterface");
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("the endpoint " + hostInterface + " has no address");
        }
        if (pod.isPresent() && pod.get().kind() != ObjectKind.POD) {
            throw new IllegalArgumentException("the endpoint " + hostInterface + " can't be a " + pod.get());
        }
    }
}
