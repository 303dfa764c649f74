package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Namespace;
import dev.ikat.cluster.Pod;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What other tests compare sources by. */
class ClusterStateTest {
    @Test
    void stateFindsObjectsAndRefusesTwins() {
        Pod web = new Pod("shop", "web", Labels.NONE, Optional.empty(), List.of(), false, Pod.Phase.RUNNING, List.of());
        ClusterState state = ClusterState.of(List.of(web, new Namespace("shop", Labels.NONE)));

        assertThat(state.pod("shop", "web")).contains(web);
        assertThat(state.node("worker-1")).isEmpty();
        assertThatThrownBy(() -> ClusterState.of(List.of(web, web))).hasMessageContaining("two of Pod shop/web");
    }
}
