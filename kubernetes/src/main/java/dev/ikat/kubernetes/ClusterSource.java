package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.IpAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Says what there is in the cluster of the kinds that it was opened with, and then what changes. Implementations are
 * thread-safe.
 *
 * <p>What is wrong at the source never stops it: the last good state of what is wrong stays in force, of a policy that
 * has none what can be read of it, such that it fails closed; and {@link #faults} says what is the matter.
 */
public interface ClusterSource extends AutoCloseable {
    /** The kinds that it was opened with. */
    Set<ObjectKind> kinds();

    /**
     * Begins to ask, or to read.
     *
     * @throws ClusterSourceException if the source can't be read at all
     * @throws IllegalStateException if it was started before, or is closed
     */
    void start();

    /**
     * Reports to a listener what there is of some kinds, and what changes. The first change has all that there is of
     * them (and comes even if that is nothing), when it is known of each of them, perhaps before this method returns;
     * the next ones come in order, one at a time, from a thread of the source, and are never empty. Listeners are told
     * in the order in which they subscribed.
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
     * What was last reported of a kind, or is just being reported, in no order; empty before anything was. It may be
     * put together for the call, which takes as long as there are objects.
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
     * Whether all that there is of every kind is known: until then, that there is no object means nothing. It is known
     * from before the moment at which it is first reported.
     */
    boolean synced();

    /**
     * Why the state may be an old one, which was kept from an earlier run because nobody could be asked; empty where
     * the source itself said it, also if it does not answer any more.
     */
    Optional<String> degraded();

    /** Lets the cluster know that this node's pods have a network now, where there is somebody to tell. */
    void networkWorks(String nodeName);

    /** What is wrong now at the source, in a stable order. */
    List<SourceFault> faults();

    /**
     * How long ago a source that speaks up now and then, also where nothing changes, was last heard, by kind of
     * objects; empty for one that does not.
     */
    Map<String, Duration> silence();

    /** The addresses at which the cluster's API is asked, as far as they are known and there is one to ask. */
    Set<IpAddress> apiServers();

    /** Ends the reports: none comes after this method has returned. */
    @Override
    void close();
}
