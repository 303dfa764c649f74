package dev.ikat.agent;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.kubernetes.ClusterListener;
import dev.ikat.kubernetes.ClusterSource;
import dev.ikat.kubernetes.SourceFault;
import dev.ikat.model.IpAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** A source of a cluster that is what the test says, and reports at once. */
public final class FakeCluster implements ClusterSource {
    private final Map<String, Node> nodes = new TreeMap<>();
    private final List<SourceFault> faults = new ArrayList<>();
    private Optional<String> degraded = Optional.empty();
    private boolean synced;

    /** Has these nodes, and nothing that was not read yet. */
    public FakeCluster with(Node... added) {
        synced = true;
        return withNodesAlone(added);
    }

    /** Has these nodes, and objects of other kinds that were not read yet. */
    public FakeCluster withNodesAlone(Node... added) {
        for (Node node : added) {
            nodes.put(node.name(), node);
        }
        return this;
    }

    /** Has this wrong. */
    public FakeCluster fault(String origin, String reason) {
        faults.add(new SourceFault(origin, reason));
        return this;
    }

    /** Has an old state, for this reason. */
    public FakeCluster degraded(String reason) {
        degraded = Optional.of(reason);
        return this;
    }

    @Override
    public Set<ObjectKind> kinds() {
        return Set.of(ObjectKind.NODE);
    }

    @Override
    public void start() {}

    @Override
    public void subscribe(Set<ObjectKind> kinds, ClusterListener listener) {
        listener.changed(new ClusterChange(List.copyOf(nodes.values()), List.of(), List.of()));
    }

    @Override
    public List<ClusterObject> objects(ObjectKind kind) {
        return List.copyOf(nodes.values());
    }

    @Override
    public boolean synced() {
        return synced;
    }

    @Override
    public Optional<String> degraded() {
        return degraded;
    }

    @Override
    public void networkWorks(String nodeName) {}

    @Override
    public List<SourceFault> faults() {
        return List.copyOf(faults);
    }

    @Override
    public Map<String, Duration> silence() {
        return Map.of();
    }

    @Override
    public Set<IpAddress> apiServers() {
        return Set.of();
    }

    @Override
    public void close() {}
}
