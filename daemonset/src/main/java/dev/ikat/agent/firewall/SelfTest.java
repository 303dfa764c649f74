package dev.ikat.agent.firewall;

import dev.ikat.ipam.AddressPlan;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Finds out by packets whether packets pass. */
@FunctionalInterface
public interface SelfTest {
    /** How a pod's packets come to an address of another node. */
    enum Way {
        /** Through a tunnel, whose end has the address. */
        TUNNEL,
        /** By a route to the other node's pods, one of whose addresses it is. */
        ROUTE,
        /** With this node's address as their source. */
        MASQUERADE
    }

    /**
     * An address of another node that a pod has to reach.
     *
     * @param address that answers to echo requests, or refuses a connection
     * @param underlay the other node's own address, which answers this node itself where that node is up
     * @param way how it is reached
     * @param spare an address of the same block that no pod has: where it is known that nothing here refuses the
     *     answer, it is enough that the other node says so; otherwise empty
     * @param fault what is wrong if only {@code underlay} answers
     */
    record Target(IpAddress address, IpAddress underlay, Way way, Optional<IpAddress> spare, String fault) {}

    /**
     * What was found.
     *
     * @param failing the families of which no packet passes between two pods of this node
     * @param unreached those that are not reached, although their nodes are
     */
    record Findings(Set<IpFamily> failing, List<Target> unreached) {
        public Findings {
            failing = Set.copyOf(failing);
            unreached = List.copyOf(unreached);
        }
    }

    /**
     * Tries it. One caller at a time; one that is interrupted gets no answer.
     *
     * @param plan the node's address ranges
     * @param mtu the pods' MTU, in bytes
     * @param targets tried only where packets pass on this node
     * @return empty if it could not be tried, as where no address is free
     */
    Optional<Findings> find(AddressPlan plan, int mtu, List<Target> targets);
}
