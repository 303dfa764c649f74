package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterState;
import dev.ikat.cluster.Node;
import dev.ikat.model.IpAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Says what the cluster is, and then what changes. Implementations are thread-safe.
 *
 * <p>What is wrong at the source never stops it: the last good state of what is wrong stays in force, of a policy that
 * has none what can be read of it, such that it fails closed; and {@link #faults} says what is the matter.
 */
public interface ClusterSource extends AutoCloseable {
    /**
     * Begins to report. The listener's first change has all that there is (and comes even if that is nothing), perhaps
     * before this method returns; the next ones come in order, one at a time, from a thread of the source.
     *
     * @throws ClusterSourceException if the source can't be read at all
     * @throws IllegalStateException if it was started before
     */
    void start(ClusterListener listener);

    /**
     * What was last reported, or is just being reported; empty before the first change. It may be put together for the
     * call, which takes as long as there are objects.
     */
    ClusterState state();

    /** The nodes of that state, by name. */
    Map<String, Node> nodes();

    /**
     * Whether the state has all that there is, as it does from the moment at which the first change is reported: until
     * then, that an object is not in it means nothing.
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
