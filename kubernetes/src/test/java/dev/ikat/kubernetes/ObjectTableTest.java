package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ObjectTableTest {
    private static Pod pod(String namespace, String name, String app) {
        return new Pod(
                namespace,
                name,
                Labels.of("app", app),
                Optional.empty(),
                List.of(),
                false,
                Pod.Phase.RUNNING,
                List.of());
    }

    /** Some of these names have the same hash, as "an" and "c0" have. */
    private static Pod any(Generator random) {
        String name = "";
        for (int i = 0; i < 4; i++) {
            name += random.chance(0.5) ? "an" : "c0";
        }
        return pod(
                random.chance(0.5) ? "a" : "b", name + random.between(0, 30), Integer.toString(random.between(0, 3)));
    }

    private static Map<ObjectKey, ClusterObject> objects(ObjectTable table) {
        Map<ObjectKey, ClusterObject> objects = new HashMap<>();
        table.forEach(object ->
                assertThat(objects.put(object.key(), object)).as("twice").isNull());
        return objects;
    }

    @Test
    void behavesAsAMapOfKeys() {
        assertThat("an".hashCode()).isEqualTo("c0".hashCode());
        Seeds.forEach(100, random -> {
            ObjectTable table = new ObjectTable();
            Map<ObjectKey, ClusterObject> model = new HashMap<>();
            for (int i = 0; i < 600; i++) {
                Pod pod = any(random);
                // First it grows, then it shrinks.
                if (random.chance(i < 300 ? 0.8 : 0.2)) {
                    assertThat(table.put(pod)).isEqualTo(model.put(pod.key(), pod));
                } else {
                    assertThat(table.remove(pod.key())).isEqualTo(model.remove(pod.key()));
                }
                Pod other = any(random);
                assertThat(table.get(other.key())).isEqualTo(model.get(other.key()));
                assertThat(table.size()).isEqualTo(model.size());
            }
            assertThat(objects(table)).isEqualTo(model);
        });
    }

    @Test
    void changeIsWhatMapsOfKeysDifferBy() {
        Seeds.forEach(100, random -> {
            ObjectTable before = new ObjectTable();
            ObjectTable after = new ObjectTable();
            for (int i = 0; i < 100; i++) {
                Pod pod = any(random);
                before.put(pod);
                after.put(random.chance(0.7) ? pod : any(random));
            }
            ClusterChange change = before.changeTo(after);
            ClusterChange expected = ClusterChange.between(objects(before), objects(after));

            assertThat(change.added()).containsExactlyInAnyOrderElementsOf(expected.added());
            assertThat(change.updated()).containsExactlyInAnyOrderElementsOf(expected.updated());
            assertThat(change.removed()).containsExactlyInAnyOrderElementsOf(expected.removed());
        });
    }

    @Test
    void namesThatCollideByDesignAreFound() {
        // Whoever may make pods may choose their names: 4096 of one hash. What that costs, ./dev bench micro says.
        List<Pod> pods = new ArrayList<>();
        for (int i = 0; i < 1 << 12; i++) {
            StringBuilder name = new StringBuilder();
            for (int bit = 0; bit < 12; bit++) {
                name.append((i >> bit & 1) == 0 ? "an" : "c0");
            }
            pods.add(pod("a", name.toString(), "x"));
        }
        ObjectTable table = new ObjectTable();

        pods.forEach(table::put);

        assertThat(table.size()).isEqualTo(pods.size());
        assertThat(pods).allSatisfy(pod -> assertThat(table.get(pod.key())).isSameAs(pod));
    }
}
