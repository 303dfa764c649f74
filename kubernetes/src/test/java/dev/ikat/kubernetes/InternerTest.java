package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.testbed.host.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class InternerTest {
    private final Interner interner = new Interner();

    /** Of texts that nobody else has. */
    private Pod pod(String name, String app) {
        return (Pod) interner.intern(
                ApiKinds.PODS,
                new Pod(
                        new String("shop"),
                        name,
                        new Labels(Map.of(new String("app"), new String(app), new String("tier"), new String("front"))),
                        Optional.of(new String("node-1")),
                        List.of(),
                        false,
                        Pod.Phase.RUNNING,
                        List.of(new Pod.NamedPort(new String("http"), Protocol.TCP, 80))));
    }

    @Test
    void equalPartsAreOne() {
        Pod one = pod("one", "web");
        Pod two = pod("two", "web");
        Pod other = pod("other", "db");

        assertThat(two.namespace()).isSameAs(one.namespace());
        assertThat(two.labels()).isSameAs(one.labels());
        assertThat(two.nodeName()).isSameAs(one.nodeName());
        assertThat(two.ports()).isSameAs(one.ports());
        assertThat(other.labels()).isEqualTo(Labels.of("app", "db", "tier", "front"));
        assertThat(other.labels().values().keySet().iterator().next())
                .as("the key of other labels")
                .isSameAs(one.labels().values().keySet().iterator().next());
    }

    @Test
    void whatNoObjectHasIsForgotten() {
        List<Pod> kept = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            kept.add(pod("pod-" + i, "app-" + i));
        }
        assertThat(interner.size()).isGreaterThanOrEqualTo(1_000);
        Pod last = kept.getLast();
        kept.clear();

        Await.until(Duration.ofSeconds(20), () -> interner.size() + " parts are left", () -> {
            System.gc();
            return interner.size() <= 10;
        });
        assertThat(pod("again", "app-999").labels()).isSameAs(last.labels());
    }
}
