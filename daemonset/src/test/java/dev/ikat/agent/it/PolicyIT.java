package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** On nftables, whose table nobody else can change unless they are let. */
final class PolicyIT extends PolicyBehaviour {
    PolicyIT() {
        super("--policy-backend=nftables");
    }

    @Test
    void nobodyElseCanOpenWhatIsClosed() throws Exception {
        cluster.apply("deny.yaml", DENY_ALL);
        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        start();
        ClusterPod stranger = add("stranger", "other");
        ClusterPod client = add("client", "client");
        ClusterPod server = add("server", "server");
        server.serve();
        awaitReach(client, server, true);
        List<String> before = rules();
        String chain = "policy-to-" + linkTo(server);
        try (Flood flood = Flood.start(stranger.namespace(), server.namespace(), address(server))) {
            node.namespace().exec("nft", "add table inet others");
            refused("delete element inet ikat " + clients(before) + " { " + address(client) + " }");
            refused("delete element inet ikat policy-to_4 { " + linkTo(server) + " . " + address(server) + " }");
            refused("delete rule inet ikat " + chain + " handle " + handle(chain, "drop comment \".*default-deny"));
            refused("delete rule inet ikat policy-forward handle " + handle("policy-forward", "jump policy-to-pods"));
            refused("flush chain inet ikat " + chain);
            refused("insert rule inet ikat " + chain + " return");
            refused("delete table inet ikat");
            assertThat(node.namespace().exec("nft", "list tables")).contains("inet others");
            // This one says nothing, and goes by what is others'.
            node.namespace().exec("nft", "flush ruleset");
            Thread.sleep(300);
            assertThat(flood.arrived()).isZero();
            awaitReach(client, server, true);
            assertThat(rules()).isEqualTo(before);
            assertFloods(flood);
        }
    }

    private void refused(String command) {
        assertThatThrownBy(() -> node.namespace().exec("nft", command)).hasMessageContaining("not permitted");
    }

    /** The probe can tell: without the policy it arrives. */
    private void assertFloods(Flood flood) {
        long before = flood.arrived();
        cluster.delete("deny.yaml");
        cluster.delete("allow.yaml");
        Await.until(EFFECT, () -> "nothing arrives: " + node.logTail(), () -> flood.arrived() > before + 100);
    }

    @Test
    void whatHasNoEffectIsListed() {
        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        start();
        add("server", "server");
        ProcessResult missing = node.status("--policies");
        assertThat(missing.stdout())
                .isEqualTo("policies 1, findings 1\n"
                        + "shop/allow-clients: spec.ingress[0].from[0].podSelector: no pod of namespace 'shop' has the "
                        + "labels app=client\n");
        assertThat(missing.exitCode()).isEqualTo(3);

        add("client", "client");
        assertThat(node.status("--policies").stdout()).isEqualTo("policies 1, findings 0\n");
        assertThat(node.status("--policies").exitCode()).isZero();
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
        String chain = "policy-to-" + linkTo(server);
        try (Flood flood = Flood.start(stranger.namespace(), server.namespace(), address(server))) {
            node.namespace().exec("nft", "add table inet others");
            node.namespace().exec("nft", "add set inet others addresses { type ipv4_addr; }");
            damage("delete element inet ikat " + clients(before) + " { " + address(client) + " }", before);
            damage("delete element inet ikat policy-to_4 { " + linkTo(server) + " . " + address(server) + " }", before);
            String allowing = handle(chain, "return comment \".*allow-clients");
            damage("delete rule inet ikat " + chain + " handle " + allowing, before);
            damage("add rule inet ikat " + chain + " counter return", before);
            assertThat(flood.arrived())
                    .as("passed until what was deleted was back")
                    .isZero();

            // Who takes away what drops, opens it until that is repaired.
            damage("flush chain inet ikat " + chain, before);
            assertThat(node.namespace().exec("nft", "list table inet others")).contains("set addresses");
            damage("flush ruleset", before);
            awaitReach(client, server, true);
            assertThat(reaches(stranger, server)).isFalse();
            assertFloods(flood);
        }
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

    private static String clients(List<String> rules) {
        return name(rules, "set policy-(?!endpoints)\\w+_4 \\{");
    }

    private String linkTo(ClusterPod pod) {
        return node.namespace()
                .ipJson("route", "get", address(pod).toString())
                .get(0)
                .get("dev")
                .text();
    }

    /** Of the rule of a chain in whose text the pattern is. */
    private String handle(String chain, String pattern) {
        return Pattern.compile("(?m)" + pattern + ".*# handle (\\d+)$")
                .matcher(node.namespace().exec("nft", "--handle", "list chain inet ikat " + chain))
                .results()
                .map(result -> result.group(1))
                .findFirst()
                .orElseThrow();
    }

    /** How many observations a histogram of the agent's has, by its name and labels. */
    private long count(String histogram) {
        String line = histogram.replaceFirst("(\\{|$)", "_count$1") + " ";
        return node.metrics()
                .lines()
                .filter(found -> found.startsWith(line))
                .mapToLong(found -> Long.parseLong(found.substring(line.length())))
                .findFirst()
                .orElse(0);
    }

    @Test
    void eachStepOfOnePodAndEachChangeOfPolicyIsMeasured() {
        start();
        ClusterPod server = add("server", "server");
        ClusterPod stranger = add("stranger", "other");
        server.serve();
        long applied = count("ikat_policy_apply_seconds");
        cluster.apply("deny.yaml", DENY_ALL);
        awaitReach(stranger, server, false);
        assertThat(count("ikat_policy_apply_seconds")).isGreaterThan(applied);
        for (String step : List.of("lease", "link", "pod", "policy", "host", "commit", "answer")) {
            assertThat(count("ikat_cni_step_seconds{step=\"" + step + "\",verb=\"ADD\"}"))
                    .as("times of ADD's step " + step)
                    .isEqualTo(2);
        }

        stranger.delete();
        // The last two are done after the answer.
        for (String step : List.of("release", "unroute", "reap", "answer", "delete", "free")) {
            Await.until(
                    EFFECT,
                    () -> "DEL's step " + step + " was not timed once: " + node.metrics(),
                    () -> count("ikat_cni_step_seconds{step=\"" + step + "\",verb=\"DEL\"}") == 1);
        }
        assertThat(count("ikat_cni_request_seconds{verb=\"ADD\"}")).isEqualTo(2);
        assertThat(count("ikat_cni_request_seconds{verb=\"DEL\"}")).isEqualTo(1);
    }
}
