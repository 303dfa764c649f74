package dev.ikat.model;

import java.util.Objects;

/**
 * One interface of one container. The CNI identifies it by CNI_CONTAINERID and CNI_IFNAME; a lease, a veth pair and a
 * policy program belong to it.
 *
 * @param containerId the container
 * @param interfaceName the interface's name inside the container
 */
public record Attachment(ContainerId containerId, InterfaceName interfaceName) {
    public Attachment {
        Objects.requireNonNull(containerId, "containerId");
        Objects.requireNonNull(interfaceName, "interfaceName");
    }

    /** {@code containerId/interfaceName}. */
    @Override
    public String toString() {
        return containerId + "/" + interfaceName;
    }
}
