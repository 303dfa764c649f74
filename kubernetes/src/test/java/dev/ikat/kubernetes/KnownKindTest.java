package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class KnownKindTest {
    private final KnownKind widgets =
            new KnownKind(Widget.KIND, new Interner(), new ApiMetrics(new PrometheusRegistry(), Clock.systemUTC()));

    private static ApiObject said(String name, String size) {
        return new ApiObject(Widget.KIND, ManifestFileTest.yaml(Widget.json(name, size)));
    }

    private ClusterChange list(String... names) {
        widgets.listBegins();
        Stream.of(names).forEach(name -> widgets.listed(said(name, "1")));
        return widgets.listEnds();
    }

    private List<String> inForce() {
        List<String> names = new ArrayList<>();
        widgets.forEach(object -> names.add(object.name()));
        return names.stream().sorted().toList();
    }

    private static List<String> names(List<ClusterObject> objects) {
        return objects.stream().map(ClusterObject::name).sorted().toList();
    }

    @Test
    void firstListSettlesAndIsNoChangeOfAnythingThatWasTold() {
        assertThat(widgets.isSettled()).isFalse();

        assertThat(list("a", "b")).isEqualTo(ClusterChange.NONE);

        assertThat(widgets.isSettled()).isTrue();
        assertThat(widgets.isListed()).isTrue();
        assertThat(inForce()).containsExactly("a", "b");
    }

    @Test
    void laterListIsItsDifference() {
        list("a", "b");
        widgets.changed(said("b", "2"));

        ClusterChange change = list("b", "c");

        assertThat(names(change.added())).containsExactly("c");
        assertThat(names(change.removed())).containsExactly("a");
        assertThat(change.updated())
                .singleElement()
                .satisfies(update -> assertThat(update.after().name()).isEqualTo("b"));
    }

    @Test
    void listThatBreaksOffChangesNothing() {
        list("a", "b");
        widgets.listBegins();
        widgets.listed(said("c", "1"));

        assertThat(inForce()).containsExactly("a", "b");
        list("a");
        assertThat(inForce()).containsExactly("a");
    }

    @Test
    void kindThatTheServerDoesNotHaveHasNoObjects() {
        assertThat(widgets.absent()).isEqualTo(ClusterChange.NONE);
        assertThat(widgets.isSettled()).isTrue();

        assertThat(names(list("a").added())).containsExactly("a");
        widgets.changed(said("wrong", "1"));
        assertThat(names(widgets.absent().removed())).containsExactly("a", "wrong");
        assertThat(widgets.faults()).isEmpty();
        assertThat(widgets.isAbsent()).isTrue();
    }

    @Test
    void absenceEndsAnOutageAndAnOutageIsToldOnce() {
        assertThat(widgets.disconnected("forbidden")).isTrue();
        assertThat(widgets.disconnected("forbidden")).isFalse();
        assertThat(widgets.outage()).map(SourceFault::toString).contains("widgets: forbidden");

        widgets.absent();

        assertThat(widgets.outage()).isEmpty();
        assertThat(widgets.connected()).as("it was not before").isTrue();
        assertThat(widgets.connected()).isFalse();
    }

    @Test
    void whatIsTakenFromElsewhereIsInForceUntilTheList() {
        widgets.take(new Widget("old", "1", ""));
        widgets.take(new Widget("a", "1", ""));
        widgets.settle();
        assertThat(widgets.isListed()).isFalse();

        ClusterChange change = list("a", "b");

        assertThat(names(change.added())).containsExactly("b");
        assertThat(names(change.removed())).containsExactly("old");
        assertThat(change.updated()).isEmpty();
    }

    @Test
    void eventThatChangesNothingIsNone() {
        list("a");

        assertThat(widgets.changed(said("a", "1")).isEmpty()).isTrue();
        assertThat(widgets.deleted(said("b", "1")).isEmpty()).isTrue();
        assertThat(names(widgets.deleted(said("a", "1")).removed())).containsExactly("a");
    }
}
