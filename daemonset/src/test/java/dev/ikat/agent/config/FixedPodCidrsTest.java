package dev.ikat.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.LIST;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FixedPodCidrsTest {
    @Test
    void namedNodesHaveTheseBlocksAndOthersTheirOwn() {
        Cidr own = Cidr.parse("10.9.0.0/24");
        Map<String, Node> nodes = Map.of(
                "a", new Node("a", Labels.NONE, List.of(own), List.of()),
                "b", new Node("b", Labels.NONE, List.of(own), List.of()));
        Map<String, Node> fixed = FixedPodCidrs.parse("a=10.1.0.0/24,a=fd00::/64,gone=10.2.0.0/24")
                .apply(nodes);
        assertThat(fixed).containsOnlyKeys("a", "b");
        assertThat(fixed)
                .extractingByKey("a")
                .extracting(Node::podCidrs, LIST)
                .containsExactly(Cidr.parse("10.1.0.0/24"), Cidr.parse("fd00::/64"));
        assertThat(fixed).extractingByKey("b").extracting(Node::podCidrs, LIST).containsExactly(own);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10.1.0.0/24 | is invalid: write it as NODE=CIDR, as in node-1=10.244.1.0/24",
                "=10.1.0.0/24 | is invalid: write it as NODE=CIDR",
                "a=10.1.0.1/24 | 10.1.0.1/24",
                "a=10.1.0.0/24,a=10.2.0.0/24 | a has two blocks of one address family; the second is 10.2.0.0/24",
                "a=10.1.0.0/16,b=10.1.2.0/24 | 10.1.2.0/24 of b overlaps with 10.1.0.0/16 of a",
            })
    void whatCantBeIsSaid(String text, String reason) {
        assertThatThrownBy(() -> FixedPodCidrs.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(reason);
    }
}
