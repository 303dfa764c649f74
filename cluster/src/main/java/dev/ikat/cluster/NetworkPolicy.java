package dev.ikat.cluster;

import dev.ikat.model.Cidr;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A networking.k8s.io/v1 NetworkPolicy: in each direction that it restricts, the pods that it selects accept only what
 * a rule of a policy that selects them allows.
 *
 * @param namespace its namespace, whose pods it selects from
 * @param name its name in that namespace
 * @param podSelector the pods that it restricts
 * @param types the directions that it restricts, at least one; if the specification names none, {@link #defaultTypes}
 * @param ingress what may reach the pods
 * @param egress what the pods may reach
 * @param unreadable the parts of its specification that could not be read, each with its field; the rest is such that
 *     it allows nothing that the whole policy would not
 */
public record NetworkPolicy(
        String namespace,
        String name,
        LabelSelector podSelector,
        Set<Direction> types,
        List<Rule> ingress,
        List<Rule> egress,
        List<String> unreadable)
        implements PolicyObject, Restricting {
    /** A policy that could be read completely. */
    public NetworkPolicy(
            String namespace,
            String name,
            LabelSelector podSelector,
            Set<Direction> types,
            List<Rule> ingress,
            List<Rule> egress) {
        this(namespace, name, podSelector, types, ingress, egress, List.of());
    }

    public NetworkPolicy {
        String object = new ObjectKey(ObjectKind.NETWORK_POLICY, namespace, name).toString();
        Objects.requireNonNull(podSelector, "podSelector");
        if (types.isEmpty()) {
            throw new InvalidObjectException(
                    object, "spec.policyTypes", "at least one of Ingress and Egress is needed");
        }
        types = Collections.unmodifiableSet(EnumSet.copyOf(types));
        ingress = List.copyOf(ingress);
        egress = List.copyOf(egress);
        unreadable = List.copyOf(unreadable);
    }

    /** The directions of a specification that names none: always Ingress, and Egress if it has egress rules. */
    public static Set<Direction> defaultTypes(List<Rule> egress) {
        return egress.isEmpty() ? EnumSet.of(Direction.INGRESS) : EnumSet.allOf(Direction.class);
    }

    @Override
    public NetworkPolicy lacking(List<String> fields) {
        return new NetworkPolicy(namespace, name, podSelector, types, ingress, egress, fields);
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(ObjectKind.NETWORK_POLICY, namespace, name);
    }

    /** As seen from the pod. */
    public enum Direction {
        /** What reaches the pod. */
        INGRESS("Ingress"),
        /** What the pod sends. */
        EGRESS("Egress");

        private final String title;

        Direction(String title) {
            this.title = title;
        }

        /** Kubernetes' name for it. */
        public String title() {
            return title;
        }
    }

    /**
     * Allows every one of the peers on every one of the ports.
     *
     * @param peers the other ends; none means any
     * @param ports the ports at the receiving end; none means any, of any protocol
     */
    public record Rule(List<Peer> peers, List<PortRule> ports) {
        /** Stands for a rule that could not be read. */
        public static final Rule NOTHING = new Rule(List.of(new Nobody()), List.of());

        public Rule {
            peers = List.copyOf(peers);
            ports = List.copyOf(ports);
            if (peers.contains(new Nobody()) && (peers.size() > 1 || !ports.isEmpty())) {
                throw new InvalidObjectException(
                        "peers", "an unreadable peer can't be combined with other peers or with ports");
            }
        }
    }

    /** The other end of a connection. */
    public sealed interface Peer {}

    /**
     * Pods, by their labels and those of their namespaces.
     *
     * @param namespaces the namespaces; empty means the policy's own
     * @param pods the pods in them; empty means all
     */
    public record SelectedPods(Optional<LabelSelector> namespaces, Optional<LabelSelector> pods) implements Peer {
        public SelectedPods {
            if (namespaces.isEmpty() && pods.isEmpty()) {
                throw new InvalidObjectException(
                        "podSelector", "a peer needs podSelector, namespaceSelector, both of them, or ipBlock");
            }
        }
    }

    /**
     * Addresses.
     *
     * @param cidr the block
     * @param except blocks in it that are excluded, each smaller than it
     */
    public record IpBlock(Cidr cidr, List<Cidr> except) implements Peer {
        public IpBlock {
            except = List.copyOf(except);
            for (Cidr hole : except) {
                if (!cidr.contains(hole) || cidr.equals(hole)) {
                    throw new InvalidObjectException("except", hole + " is not a smaller block within " + cidr);
                }
            }
        }
    }

    /** No peer at all: stands for one that could not be read. */
    public record Nobody() implements Peer {}

    /**
     * Ports of a protocol.
     *
     * @param protocol the protocol
     * @param port which of its ports
     */
    public record PortRule(Protocol protocol, PortMatch port) {
        public PortRule {
            Objects.requireNonNull(protocol, "protocol");
            Objects.requireNonNull(port, "port");
        }
    }

    /** Which ports of a protocol. */
    public sealed interface PortMatch {}

    /** All of them. */
    public record AnyPort() implements PortMatch {}

    /**
     * The ports of the receiving pod that have this name.
     *
     * @param name the name of a container's port
     */
    public record PortName(String name) implements PortMatch {
        public PortName {
            Names.requirePortName("port", name);
        }
    }

    /**
     * The ports from {@code first} to {@code last}, both included.
     *
     * @param first 1 to 65535
     * @param last not below {@code first}
     */
    public record PortNumbers(int first, int last) implements PortMatch {
        public PortNumbers {
            Names.requirePort("port", first);
            Names.requirePort("endPort", last);
            if (last < first) {
                throw new InvalidObjectException("endPort", last + " is below port " + first);
            }
        }
    }
}
