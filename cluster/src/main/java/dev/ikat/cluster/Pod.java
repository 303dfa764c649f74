package dev.ikat.cluster;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A pod.
 *
 * @param namespace its namespace
 * @param name its name in that namespace
 * @param labels its labels
 * @param nodeName the node that it runs on; empty until it is scheduled
 * @param ips its addresses, at most one of each family; empty until it has any
 * @param hostNetwork whether it shares its node's network: then its addresses are the node's, and no policy selects it
 * @param phase its phase
 * @param ports the named ports of its containers
 * @param created when it was created, in seconds since 1970; 0 if not known
 * @param deleting whether it is being deleted, so that it may no longer exist on its node
 */
public record Pod(
        String namespace,
        String name,
        Labels labels,
        Optional<String> nodeName,
        List<IpAddress> ips,
        boolean hostNetwork,
        Phase phase,
        List<NamedPort> ports,
        long created,
        boolean deleting)
        implements PolicyObject {
    /** A pod that is not being deleted, and whose creation time is not known. */
    public Pod(
            String namespace,
            String name,
            Labels labels,
            Optional<String> nodeName,
            List<IpAddress> ips,
            boolean hostNetwork,
            Phase phase,
            List<NamedPort> ports) {
        this(namespace, name, labels, nodeName, ips, hostNetwork, phase, ports, 0, false);
    }

    public Pod {
        String object = new ObjectKey(ObjectKind.POD, namespace, name).toString();
        Objects.requireNonNull(labels, "labels");
        Objects.requireNonNull(phase, "phase");
        nodeName.ifPresent(node -> Names.requireSubdomain(object, "spec.nodeName", node));
        ips = List.copyOf(ips);
        ports = List.copyOf(ports);
        Set<IpFamily> families = EnumSet.noneOf(IpFamily.class);
        for (IpAddress ip : ips) {
            if (!families.add(ip.family())) {
                throw new InvalidObjectException(object, "status.podIPs", "two of one address family: " + ips);
            }
        }
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.POD, namespace, name);
    }

    /** Whether it has ended, so that another pod may have its addresses by now. */
    public boolean ended() {
        return phase == Phase.SUCCEEDED || phase == Phase.FAILED;
    }

    /** The port number that this name stands for, for a protocol. */
    public Optional<Integer> port(String portName, Protocol protocol) {
        for (NamedPort port : ports) {
            if (port.name().equals(portName) && port.protocol() == protocol) {
                return Optional.of(port.port());
            }
        }
        return Optional.empty();
    }

    /** {@code status.phase}. */
    public enum Phase {
        PENDING("Pending"),
        RUNNING("Running"),
        SUCCEEDED("Succeeded"),
        FAILED("Failed"),
        UNKNOWN("Unknown");

        private final String title;

        Phase(String title) {
            this.title = title;
        }

        /** Kubernetes' name for it. */
        public String title() {
            return title;
        }
    }

    /**
     * A named port of a container.
     *
     * @param name the name
     * @param protocol the protocol
     * @param port the number, 1 to 65535
     */
    public record NamedPort(String name, Protocol protocol, int port) {
        public NamedPort {
            Names.requirePortName("name", name);
            Objects.requireNonNull(protocol, "protocol");
            Names.requirePort("containerPort", port);
        }
    }
}
