package dev.ikat.agent.policy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.dataplane.DropCause;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Flow;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class DropMetricsTest {
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final DropMetrics metrics = new DropMetrics(registry, () -> 0);

    @Test
    void countsByDirectionNamespaceAndTheSetOfPoliciesWhateverTheirOrder() {
        metrics.count(drop(DropCause.INGRESS, "shop", "deny", "allow"));
        metrics.count(drop(DropCause.INGRESS, "shop", "allow", "deny"));
        metrics.count(drop(DropCause.INGRESS, "shop", "allow"));
        metrics.count(drop(DropCause.EGRESS, "shop", "allow", "deny"));
        metrics.count(drop(DropCause.INGRESS, "bank", "deny"));

        assertThat(counted())
                .containsOnly(
                        Map.entry(series("ingress", "ingress", "shop", "shop/allow,shop/deny"), 2.0),
                        Map.entry(series("ingress", "ingress", "shop", "shop/allow"), 1.0),
                        Map.entry(series("egress", "egress", "shop", "shop/allow,shop/deny"), 1.0),
                        Map.entry(series("ingress", "ingress", "bank", "bank/deny"), 1.0));
    }

    @Test
    void whatNoPolicyDroppedHasItsCauseAlone() {
        metrics.count(drop(DropCause.TUNNEL_FROM_POD, "shop"));
        metrics.count(drop(DropCause.TUNNEL_FROM_POD, "bank"));

        assertThat(counted()).containsOnly(Map.entry(series("tunnel-from-pod", "", "", ""), 2.0));
    }

    @Test
    void seriesAreBoundedAndNeverGoBackwards() {
        int beyond = 50;
        List<Drop> drops = IntStream.range(0, DropMetrics.MAX_SERIES + beyond)
                .mapToObj(number -> drop(DropCause.INGRESS, "shop", "policy-" + number))
                .toList();
        drops.forEach(metrics::count);
        Map<Labels, Double> first = counted();
        drops.forEach(metrics::count);
        metrics.count(drop(DropCause.EGRESS, "shop", "policy-0"));

        assertThat(first)
                .hasSize(DropMetrics.MAX_SERIES + 1)
                .containsEntry(series("ingress", "ingress", "shop", "shop/policy-0"), 1.0)
                .containsEntry(series("ingress", "ingress", "(other)", "(other)"), (double) beyond);
        assertThat(counted())
                .hasSize(DropMetrics.MAX_SERIES + 2)
                .containsEntry(series("ingress", "ingress", "shop", "shop/policy-0"), 2.0)
                .containsEntry(series("ingress", "ingress", "(other)", "(other)"), 2.0 * beyond)
                .containsEntry(series("egress", "egress", "(other)", "(other)"), 1.0);
    }

    @Test
    void aLongSetIsCutBetweenNames() {
        List<ObjectKey> policies = IntStream.range(10, 60)
                .mapToObj(number -> policy("shop", "policy-" + number))
                .toList();
        String text = DropMetrics.setOf(policies);

        assertThat(text).startsWith("shop/policy-10,shop/policy-11,").endsWith(",shop/policy-22,+37 more");
        assertThat(text.length()).isLessThanOrEqualTo(DropMetrics.MAX_SET_LENGTH + ",+37 more".length());
        assertThat(DropMetrics.setOf(List.of(policy("shop", "p".repeat(250)), policy("shop", "q"))))
                .isEqualTo("shop/" + "p".repeat(250) + ",+1 more");
    }

    private static Drop drop(DropCause cause, String namespace, String... policies) {
        IpAddress pod = IpAddress.parse("10.244.1.2");
        IpAddress peer = IpAddress.parse("10.244.1.3");
        return new Drop(
                Instant.EPOCH,
                cause,
                new Flow(peer, pod, 6, 80),
                Optional.of(new ObjectKey(ObjectKind.POD, namespace, "web")),
                peer,
                Optional.empty(),
                Stream.of(policies).map(name -> policy(namespace, name)).toList());
    }

    private static ObjectKey policy(String namespace, String name) {
        return new ObjectKey(ObjectKind.NETWORK_POLICY, namespace, name);
    }

    private static Labels series(String cause, String direction, String namespace, String policies) {
        return Labels.of("cause", cause, "direction", direction, "namespace", namespace, "policies", policies);
    }

    private Map<Labels, Double> counted() {
        return registry.scrape(name -> name.equals("ikat_policy_drops")).stream()
                .flatMap(metric -> ((CounterSnapshot) metric).getDataPoints().stream())
                .collect(Collectors.toMap(
                        CounterSnapshot.CounterDataPointSnapshot::getLabels,
                        CounterSnapshot.CounterDataPointSnapshot::getValue));
    }
}
