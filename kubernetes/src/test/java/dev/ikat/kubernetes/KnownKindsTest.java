package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.ObjectKind;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Namespaces, which a cluster must have, and widgets, which it need not have. */
class KnownKindsTest {
    private static final Instant TAKEN = Instant.parse("2026-01-02T03:04:05Z");
    private static final ClusterObject SHOP = new Namespace("shop", Labels.NONE);
    private static final ClusterObject WIDGET = new Widget("one", "large", "");
    private static final Optional<Snapshot.Content> KEPT =
            Optional.of(new Snapshot.Content(List.of(SHOP, WIDGET), TAKEN));

    private final KnownKinds kinds = new KnownKinds(
            new KindSet(List.of(ApiKinds.NAMESPACES, Widget.KIND)),
            new ApiMetrics(new PrometheusRegistry(), Clock.systemUTC()));

    private void list(ObjectKind kind) {
        kinds.get(kind).listBegins();
        kinds.get(kind).listEnds();
        kinds.said();
    }

    private static Optional<KnownKinds.Missing> missing(boolean optional, boolean outage) {
        return Optional.of(new KnownKinds.Missing(optional, outage));
    }

    @Test
    void optionalKindsAreWaitedForWhenTheOthersAreThere() {
        kinds.get(Widget.OBJECT_KIND).disconnected("forbidden");
        assertThat(kinds.missing()).as("namespaces").isEqualTo(missing(false, false));
        kinds.get(ObjectKind.NAMESPACE).disconnected("refused");
        assertThat(kinds.missing()).isEqualTo(missing(false, true));

        list(ObjectKind.NAMESPACE);
        assertThat(kinds.missing()).as("widgets").isEqualTo(missing(true, true));
        assertThat(kinds.areSettled()).isFalse();

        list(Widget.OBJECT_KIND);
        assertThat(kinds.missing()).isEmpty();
        assertThat(kinds.areSettled()).isTrue();
    }

    @Test
    void withoutSnapshotOnlyOptionalKindsAreDoneWithoutAndLast() {
        assertThat(kinds.startFrom(Optional.empty())).isFalse();
        assertThat(kinds.get(Widget.OBJECT_KIND).isSettled()).isFalse();

        list(ObjectKind.NAMESPACE);
        assertThat(kinds.startFrom(Optional.empty())).isFalse();

        assertThat(kinds.areSettled()).isTrue();
        assertThat(kinds.asOf()).isEmpty();
    }

    @Test
    void snapshotIsInForceUntilTheApiHasSaidEverythingThatMustBeThere() {
        assertThat(kinds.startFrom(KEPT)).isTrue();

        assertThat(kinds.areSettled()).isTrue();
        assertThat(kinds.objects()).containsExactly(SHOP, WIDGET);
        assertThat(kinds.asOf()).contains(TAKEN);
        list(ObjectKind.NAMESPACE);
        assertThat(kinds.asOf()).isEmpty();
        assertThat(kinds.objects())
                .as("no namespaces, and the widgets as they were")
                .containsExactly(WIDGET);
    }

    @Test
    void snapshotOfAnOptionalKindIsNoOldState() {
        list(ObjectKind.NAMESPACE);

        assertThat(kinds.startFrom(KEPT)).isTrue();

        assertThat(kinds.objects()).containsExactly(WIDGET);
        assertThat(kinds.asOf()).isEmpty();
    }

    @Test
    void snapshotIsNotAskedForWhatIsKnown() {
        list(ObjectKind.NAMESPACE);
        list(Widget.OBJECT_KIND);

        assertThat(kinds.startFrom(KEPT)).isFalse();

        assertThat(kinds.size()).isZero();
    }
}
