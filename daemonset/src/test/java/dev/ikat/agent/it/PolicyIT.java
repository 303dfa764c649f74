package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.Await;
import dev.ikat.testbed.ClusterPod;
import java.util.List;
import org.junit.jupiter.api.Test;

/** On nftables, whose table nobody else can change unless they are let. */
final class PolicyIT extends PolicyBehaviour {
    PolicyIT() {
        super("--policy-backend=nftables");
    }

    @Test
    void nobodyElseCanOpenWhatIsClosed() throws Exception {
        cluster.apply("deny.yaml", DENY_ALL);
        start();
        ClusterPod stranger = add("stranger", "other");
        ClusterPod server = add("server", "server");
        List<String> state = node.state();
        try (Flood flood = Flood.start(stranger.namespace(), server.namespace(), address(server))) {
            node.namespace().exec("nft", "add table inet foreign");
            node.namespace().exec("nft", "flush ruleset");
            assertThatThrownBy(() -> node.namespace().exec("nft", "delete table inet ikat"))
                    .hasMessageContaining("not permitted");
            Thread.sleep(300);
            assertThat(flood.arrived()).isZero();
        }
        assertThat(node.state()).isEqualTo(state);
    }

    @Test
    void whatOthersChangeIsRepairedWhereTheyCan() {
        cluster.apply("deny.yaml", DENY_ALL);
        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        start("--own-table=false");
        ClusterPod stranger = add("stranger", "other");
        ClusterPod client = add("client", "client");
        ClusterPod server = add("server", "server");
        server.serve();
        awaitReach(client, server, true);
        List<String> before = rules();
        node.namespace().exec("nft", "add table inet foreign");

        damage("flush ruleset", before);
        node.namespace().exec("nft", "add table inet foreign");
        String set = name(before, "set (?!pods|cluster)\\w+_4 \\{");
        damage("delete element inet ikat " + set + " { " + address(client) + " }", before);
        String chain = name(before, "chain to-ik\\w+ \\{");
        damage("flush chain inet ikat " + chain, before);
        damage("add rule inet ikat " + chain + " counter return", before);
        assertThat(node.namespace().exec("nft", "list tables")).contains("inet foreign");
        assertThat(reaches(client, server)).isTrue();
        assertThat(reaches(stranger, server)).isFalse();
    }

    private void damage(String command, List<String> before) {
        node.namespace().exec("nft", command);
        Await.until(
                REPAIR_LIMIT, () -> "after " + command + ": " + rules() + node.logTail(), () -> rules().equals(before));
    }

    /** Without what counts by itself, and in an order of its own: hashes have none. */
    private List<String> rules() {
        try {
            return node.namespace()
                    .exec("nft", "--stateless", "list table inet ikat")
                    .lines()
                    .map(line -> line.replaceAll("elements = \\{|[},]", "").strip())
                    .sorted()
                    .toList();
        } catch (RuntimeException e) {
            return List.of();
        }
    }

    /** The second word of the one line that looks like this. */
    private static String name(List<String> rules, String pattern) {
        return rules.stream()
                .filter(line -> line.matches(pattern))
                .findFirst()
                .map(line -> line.split(" ", -1)[1])
                .orElseThrow();
    }
}
