package dev.ikat.agent.bgp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.bgp.BgpNode;
import dev.ikat.bgp.Finding;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Reported;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ConditionWriterTest {
    private static final ObjectKey TOR = new ObjectKey(ObjectKind.BGP_PEER, "", "tor");
    private static final List<Finding> WRONG =
            List.of(new Finding(TOR, "spec.address", "PeerIsNode", "it is itself; correct it"));
    private static final List<BgpNode> NODES = List.of(node("a", "no"), node("b", "yes"), node("c", "yes"));

    private final AtomicLong clock = new AtomicLong();
    private final List<ObjectCondition> written = new ArrayList<>();

    private static BgpNode node(String name, String speaks) {
        return new BgpNode(name, Labels.of("speaks", speaks), List.of(), Set.of());
    }

    private ConditionWriter writer(String nodeName) {
        return new ConditionWriter(nodeName, (_, condition) -> written.add(condition), clock::get);
    }

    private void report(ConditionWriter writer, Reported reported, List<Finding> findings) {
        writer.report(TOR, reported, LabelSelector.of("speaks", "yes"), NODES, findings);
    }

    private void later(Duration time) {
        clock.addAndGet(time.toNanos());
    }

    @Test
    void firstOfTheSelectedNodesWritesAtOnce() {
        report(writer("b"), new Reported(4, Optional.empty()), WRONG);

        assertThat(written)
                .containsExactly(new ObjectCondition(
                        "Accepted", false, "PeerIsNode", "spec.address: it is itself; correct it", 4));
    }

    @Test
    void nodeThatIsNotSelectedWritesNothing() {
        report(writer("a"), Reported.NOTHING, WRONG);

        assertThat(written).isEmpty();
    }

    @Test
    void secondWritesWhenTheFirstDoesNot() {
        ConditionWriter second = writer("c");
        report(second, Reported.NOTHING, WRONG);
        assertThat(written).isEmpty();
        assertThat(second.isDue()).isFalse();

        later(Duration.ofSeconds(31));
        assertThat(second.isDue()).isTrue();
        report(second, Reported.NOTHING, WRONG);

        assertThat(written).hasSize(1);
    }

    @Test
    void conditionThatIsThereIsNotWrittenAgain() {
        ConditionWriter first = writer("b");
        report(first, Reported.NOTHING, WRONG);

        report(first, new Reported(0, Optional.of(written.getFirst())), WRONG);
        later(Duration.ofMinutes(5));
        report(first, new Reported(0, Optional.of(written.getFirst())), WRONG);

        assertThat(written).hasSize(1);
    }

    @Test
    void conditionThatWasNotTakenIsWrittenAgainLater() {
        ConditionWriter first = writer("b");
        report(first, Reported.NOTHING, WRONG);
        report(first, Reported.NOTHING, WRONG);
        assertThat(written).hasSize(1);

        later(Duration.ofSeconds(31));
        report(first, Reported.NOTHING, WRONG);

        assertThat(written).hasSize(2);
    }

    @Test
    void objectInOrderIsSaidToBe() {
        report(
                writer("b"),
                new Reported(5, Optional.of(new ObjectCondition("Accepted", true, "InForce", "", 4))),
                List.of());

        assertThat(written)
                .singleElement()
                .satisfies(condition -> assertThat(condition.holds()).isTrue())
                .satisfies(
                        condition -> assertThat(condition.observedGeneration()).isEqualTo(5));
    }
}
