package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.IpAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reports the cluster's objects of the kinds that it was opened with, and then their changes. Implementations are
 * thread-safe.
 *
 * <p>Faults at the source never stop it: the last good state of a faulty object stays in force. Of a policy that has
 * none, the readable part is in force, such that it fails closed. {@link #faults} lists the faults.
 */
public interface ClusterSource extends AutoCloseable {
    /** The kinds that it was opened with. */
    Set<ObjectKind> kinds();

    /**
     * Begins to read.
     *
     * @throws ClusterSourceException if the source can't be read at all
     * @throws IllegalStateException if it was started before, or is closed
     */
    void start();

    /**
     * Reports the objects of some kinds, and then their changes, to a listener. The first change has all objects of
     * these kinds (and is reported even if there are none), as soon as each of the kinds is known, perhaps before this
     * method returns. The next changes follow in order, one at a time, from a thread of the source, and are never
     * empty. Listeners are called in the order in which they subscribed.
     *
     * @throws IllegalArgumentException if the source was not opened with one of the kinds
     * @throws IllegalStateException if the source is closed
     */
    void subscribe(Set<ObjectKind> kinds, ClusterListener listener);

    /** Starts, and reports changes of all kinds to one listener. */
    default void start(ClusterListener listener) {
        start();
        subscribe(kinds(), listener);
    }

    /**
     * The objects of a kind that were reported last, or are being reported now, in no order; empty before the first
     * report. The list may be created for the call, which takes time proportional to its size.
     *
     * @throws IllegalArgumentException if the source was not opened with this kind
     */
    List<ClusterObject> objects(ObjectKind kind);

    /** The nodes, by name. */
    default Map<String, Node> nodes() {
        Map<String, Node> nodes = new HashMap<>();
        for (ClusterObject object : objects(ObjectKind.NODE)) {
            if (object instanceof Node node) {
                nodes.put(node.name(), node);
            }
        }
        return Map.copyOf(nodes);
    }

    /**
     * Whether all objects of every kind are known; until then, the absence of an object means nothing. This becomes
     * true before they are first reported.
     */
    boolean synced();

    /**
     * Why the state may be outdated: it was kept from an earlier run because the source could not be reached. Empty if
     * the source itself reported it, even if it does not answer any more.
     */
    Optional<String> degraded();

    /** Tells the cluster, if there is one to tell, that this node's pods have a network now. */
    void networkWorks(String nodeName);

    /**
     * Writes a condition into an object's status, if there is somewhere to write it; returns at once. That it was not
     * taken shows by what the source reports of the object.
     */
    default void setCondition(ObjectKey object, ObjectCondition condition) {
        // A file has no status: whoever writes conditions says the same in the log.
    }

    /** The current faults of the source, in a stable order. */
    List<SourceFault> faults();

    /**
     * The time since the source was last heard, by kind of objects, if it is one that sends something regularly even
     * without changes; empty for any other.
     */
    Map<String, Duration> silence();

    /** The addresses of the cluster's API, as far as they are known and there is an API. */
    Set<IpAddress> apiServers();

    /** Ends the reports: none comes after this method has returned. */
    @Override
    void close();
}
