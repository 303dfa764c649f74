package dev.ikat.agent.node;

import dev.ikat.agent.overlay.NodeFault;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The current faults of nodes' parts of the overlay; each is logged when it begins and when it ends. Thread-safe. */
public final class NodeFaults {
    private static final Logger LOG = LoggerFactory.getLogger(NodeFaults.class);

    private List<NodeFault> ofObjects = List.of();
    private List<NodeFault> ofKernel = List.of();
    private List<NodeFault> ofHost = List.of();

    /** What is wrong with the nodes' objects. */
    synchronized void ofObjects(List<NodeFault> now) {
        List<NodeFault> before = all();
        ofObjects = List.copyOf(now);
        tell(before);
    }

    /** What the kernel has in the way. */
    synchronized void ofKernel(List<NodeFault> now) {
        List<NodeFault> before = all();
        ofKernel = List.copyOf(now);
        tell(before);
    }

    /** What the host has for itself of this node's pod CIDRs. */
    synchronized void ofHost(List<NodeFault> now) {
        List<NodeFault> before = all();
        ofHost = List.copyOf(now);
        tell(before);
    }

    private void tell(List<NodeFault> before) {
        Set<NodeFault> begun = new HashSet<>(all());
        before.forEach(begun::remove);
        Set<NodeFault> over = new HashSet<>(before);
        all().forEach(over::remove);
        begun.forEach(fault -> LOG.atWarn()
                .addKeyValue("node", fault.node())
                .addKeyValue("cause", fault.cause().label())
                .addKeyValue("fault", fault.text())
                .log("overlay-fault"));
        over.forEach(fault -> LOG.atInfo()
                .addKeyValue("node", fault.node())
                .addKeyValue("cause", fault.cause().label())
                .addKeyValue("fault", fault.text())
                .log("overlay-fault-over"));
    }

    /** All faults, in a stable order. */
    public synchronized List<NodeFault> all() {
        return Stream.of(ofObjects, ofKernel, ofHost)
                .flatMap(List::stream)
                .distinct()
                .sorted(Comparator.comparing(NodeFault::node).thenComparing(NodeFault::text))
                .toList();
    }

    /** Whether the kernel has anything in the way, of whose end nobody tells. */
    synchronized boolean kernelIsInTheWay() {
        return !ofKernel.isEmpty();
    }
}
