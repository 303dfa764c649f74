package dev.ikat.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class LabelsTest {
    private static final Map<String, String> VALUES = Map.of("tier", "front", "app", "web", "empty", "");

    private final Labels labels = new Labels(VALUES);

    @Test
    void valuesAreASortedMap() {
        assertThat(labels.values()).isEqualTo(VALUES).hasSameHashCodeAs(VALUES);
        assertThat(labels.values().keySet()).containsExactly("app", "empty", "tier");
        assertThat(labels.values()).containsEntry("empty", "").doesNotContainKey("other");
        assertThat(labels.values().get("tier")).isEqualTo("front");
        assertThat(labels.values().get("other")).isNull();
        assertThat(labels).hasToString("app=web,empty=,tier=front");
        assertThat(Labels.NONE.isEmpty()).isTrue();
        assertThat(Labels.NONE.values()).isEmpty();
        assertThatThrownBy(() -> labels.values().put("a", "b")).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void orderOfMakingDoesNotMatter() {
        assertThat(Labels.of("tier", "front", "empty", "", "app", "web"))
                .isEqualTo(labels)
                .hasSameHashCodeAs(labels);
        assertThat(Labels.of("tier", "front").with("empty", "").with("app", "web"))
                .isEqualTo(labels);
        assertThat(Labels.of("app", "web")).isNotEqualTo(labels).isNotEqualTo(Labels.of("app", "db"));
        assertThat(labels.with("app", "db")).isEqualTo(Labels.of("app", "db", "tier", "front", "empty", ""));
    }

    @Test
    void eachIsVisitedOnceInOrder() {
        List<String> seen = new ArrayList<>();
        labels.forEach((key, value) -> seen.add(key + "=" + value));
        assertThat(seen).containsExactly("app=web", "empty=", "tier=front");
    }

    @Test
    void textsCanBeOthersThatAreEqual() {
        Map<String, String> pool = new TreeMap<>();
        Labels shared = labels.sharing(text -> pool.computeIfAbsent(new String(text), key -> key));

        assertThat(shared).isEqualTo(labels);
        assertThat(shared.values().get("app")).isSameAs(pool.get("web"));
        assertThatThrownBy(() -> labels.sharing(_ -> "x")).hasMessage("'x' is not 'app'");
    }
}
