package dev.ikat.agent.bgp;

import dev.ikat.bgp.BgpNode;
import dev.ikat.bgp.Finding;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Reported;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;

/**
 * Decides whether this node writes the condition of an object. All nodes come to the same condition, and one writes it:
 * the first by name of those that the object selects. The second writes if it is still not there after a while, and so
 * on for a few, so that a node which is away holds up nothing. Not thread-safe.
 */
final class ConditionWriter {
    /** The type of the condition. */
    private static final String ACCEPTED = "Accepted";

    private static final String IN_FORCE = "InForce";
    private static final Duration TURN = Duration.ofSeconds(30);
    private static final int TURNS = 5;

    private final String nodeName;
    private final BiConsumer<ObjectKey, ObjectCondition> write;
    private final LongSupplier clock;
    private final Map<ObjectKey, Pending> pending = new HashMap<>();

    /**
     * A condition that is not there yet.
     *
     * @param due when this node writes it, as the clock counts
     */
    private record Pending(ObjectCondition condition, long due) {}

    /**
     * @param write writes a condition into the object's status
     * @param clock in nanoseconds
     */
    ConditionWriter(String nodeName, BiConsumer<ObjectKey, ObjectCondition> write, LongSupplier clock) {
        this.nodeName = nodeName;
        this.write = write;
        this.clock = clock;
    }

    /** Has forgotten all objects but these. */
    void keepOnly(Set<ObjectKey> objects) {
        pending.keySet().retainAll(objects);
    }

    /**
     * Whether it is this node's turn to write a condition that is not there yet, so that {@link #report} has to be
     * called.
     */
    boolean isDue() {
        long now = clock.getAsLong();
        return pending.values().stream().anyMatch(condition -> now - condition.due() >= 0);
    }

    /**
     * Writes an object's condition, if it is not there and it is this node's turn.
     *
     * @param reported what the API has of the object
     * @param selected which nodes it selects
     * @param nodes all nodes
     * @param findings what is wrong with it
     */
    void report(
            ObjectKey object,
            Reported reported,
            LabelSelector selected,
            Collection<BgpNode> nodes,
            List<Finding> findings) {
        ObjectCondition condition = condition(reported.generation(), findings);
        if (reported.condition().equals(Optional.of(condition))) {
            pending.remove(object);
            return;
        }
        int turn = turn(selected, nodes);
        if (turn < 0 || turn >= TURNS) {
            return;
        }
        long now = clock.getAsLong();
        Pending before = pending.get(object);
        if (before == null || !before.condition().equals(condition)) {
            before = new Pending(condition, now + turn * TURN.toNanos());
            pending.put(object, before);
        }
        if (now - before.due() >= 0) {
            write.accept(object, condition);
            // If the API does not show it by then, it was not taken.
            pending.put(object, new Pending(condition, now + TURN.toNanos()));
        }
    }

    private static ObjectCondition condition(long generation, List<Finding> findings) {
        return findings.stream()
                .findFirst()
                .map(first -> new ObjectCondition(
                        ACCEPTED, false, first.reason(), first.field() + ": " + first.message(), generation))
                .orElseGet(() -> new ObjectCondition(ACCEPTED, true, IN_FORCE, "nodes act on it", generation));
    }

    /** How many nodes are before this one; -1 if it is not among them. */
    private int turn(LabelSelector selected, Collection<BgpNode> nodes) {
        List<String> ofObject = nodes.stream()
                .filter(node -> selected.matches(node.labels()))
                .map(BgpNode::name)
                .sorted(Comparator.naturalOrder())
                .toList();
        List<String> order =
                ofObject.isEmpty() ? nodes.stream().map(BgpNode::name).sorted().toList() : ofObject;
        return order.indexOf(nodeName);
    }
}
