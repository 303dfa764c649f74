package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SubscriptionsTest {
    private static final Set<ObjectKind> NODES = Set.of(ObjectKind.NODE);
    private static final Set<ObjectKind> NAMESPACES = Set.of(ObjectKind.NAMESPACE);
    private static final Set<ObjectKind> BOTH = Set.of(ObjectKind.NODE, ObjectKind.NAMESPACE);
    private static final ClusterObject NODE = new Node("a", Labels.NONE, List.of(), List.of());
    private static final ClusterObject NAMESPACE = new Namespace("shop", Labels.NONE);

    private final List<String> failures = new ArrayList<>();
    private final List<String> heard = new ArrayList<>();
    private final Set<ObjectKind> known = new HashSet<>();
    private final List<ClusterObject> objects = new ArrayList<>();
    private final Subscriptions subscriptions = new Subscriptions(e -> failures.add(String.valueOf(e.getMessage())));

    private void add(String name, Set<ObjectKind> kinds) {
        subscriptions.add(
                kinds,
                change -> heard.add(name + " "
                        + change.added().stream()
                                .map(object -> object.key().toString())
                                .toList()));
    }

    private static ClusterChange added(ClusterObject... added) {
        return new ClusterChange(List.of(added), List.of(), List.of());
    }

    private void begin() {
        subscriptions.begin(known::contains, added(objects.toArray(ClusterObject[]::new))::only);
    }

    @Test
    void eachHearsFirstAllOfItsKindsWhenTheyAreKnownAndOnce() {
        add("nodes", NODES);
        add("both", BOTH);
        objects.addAll(List.of(NODE, NAMESPACE));

        known.add(ObjectKind.NODE);
        begin();
        assertThat(heard).containsExactly("nodes [Node a]");

        known.add(ObjectKind.NAMESPACE);
        begin();
        begin();
        assertThat(heard).containsExactly("nodes [Node a]", "both [Node a, Namespace shop]");
    }

    @Test
    void firstChangeComesAlsoIfThereIsNothing() {
        known.addAll(BOTH);
        add("both", BOTH);

        begin();

        assertThat(heard).containsExactly("both []");
    }

    @Test
    void nothingIsHeardOfOtherKindsOrBeforeTheBegin() {
        known.addAll(BOTH);
        add("nodes", NODES);
        begin();
        heard.clear();
        add("late", BOTH);

        subscriptions.report(ObjectKind.NODE, added(NODE));
        subscriptions.report(ObjectKind.NAMESPACE, added(NAMESPACE));
        subscriptions.report(ObjectKind.NODE, ClusterChange.NONE);

        assertThat(heard).containsExactly("nodes [Node a]");
    }

    @Test
    void changeOfSeveralKindsIsOneChangeToEach() {
        known.addAll(BOTH);
        add("namespaces", NAMESPACES);
        add("both", BOTH);
        begin();
        heard.clear();

        subscriptions.report(added(NODE, NAMESPACE));
        subscriptions.report(added(NODE));

        assertThat(heard)
                .containsExactly("namespaces [Namespace shop]", "both [Node a, Namespace shop]", "both [Node a]");
    }

    @Test
    void listenerThatThrowsTakesNothingFromOthersNorFromItself() {
        known.addAll(BOTH);
        subscriptions.add(NODES, change -> {
            heard.add("thrower");
            throw new IllegalStateException("its own fault");
        });
        add("nodes", NODES);
        begin();

        subscriptions.report(ObjectKind.NODE, added(NODE));

        assertThat(heard).containsExactly("thrower", "nodes []", "thrower", "nodes [Node a]");
        assertThat(failures).containsExactly("its own fault", "its own fault");
    }

    @Test
    void listenerMaySubscribeAnother() {
        known.addAll(BOTH);
        subscriptions.add(NODES, change -> {
            if (!change.isEmpty() && objects.isEmpty()) {
                objects.add(NODE);
                add("second", NODES);
                begin();
            }
        });
        begin();

        subscriptions.report(ObjectKind.NODE, added(NODE));
        subscriptions.report(ObjectKind.NODE, added(new Node("b", Labels.NONE, List.of(), List.of())));

        // The second has the first change in what there is when it begins, and not once more.
        assertThat(heard).containsExactly("second [Node a]", "second [Node b]");
    }
}
