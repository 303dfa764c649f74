package dev.ikat.policy.compiler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.testbed.random.Seeds;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Compiler and evaluator together say what the text of the API says. */
final class ApiReferenceTest {
    private static final int CLUSTERS = 300;
    private static final int FLOWS = 400;

    @Test
    void compiledProgramAllowsWhatTheTextAllows() {
        AtomicInteger accepted = new AtomicInteger();
        AtomicInteger denied = new AtomicInteger();
        Seeds.forEach(CLUSTERS, random -> {
            RandomCluster cluster = new RandomCluster(random);
            Map<ObjectKey, ClusterObject> objects = new TreeMap<>();
            random.listOf(10, 50, _ -> cluster.object()).forEach(object -> objects.put(object.key(), object));
            Map<InterfaceName, Endpoint> endpoints = new HashMap<>();
            random.listOf(4, 20, _ -> cluster.endpoint()).stream()
                    .filter(endpoint -> sharesNoAddress(endpoint, endpoints))
                    .forEach(endpoint -> endpoints.put(endpoint.hostInterface(), endpoint));
            PolicyCompiler compiler = new PolicyCompiler("node");
            endpoints.values().forEach(compiler::add);
            compiler.update(ClusterChange.between(Map.of(), objects));

            Evaluator evaluator = new Evaluator(compiler);
            ApiReference reference = new ApiReference(List.copyOf(objects.values()), endpoints.values());
            for (int i = 0; i < FLOWS; i++) {
                boolean v6 = i % 3 == 0;
                Flow flow = cluster.flow(v6);
                boolean allowed = reference.allows(flow);
                assertThat(evaluator.evaluate(flow))
                        .as(() -> flow + " with " + objects.values() + " and " + endpoints.values())
                        .matches(verdict -> verdict.accepted() == allowed, allowed ? "accepted" : "denied");
                (allowed ? accepted : denied).incrementAndGet();
            }
        });
        if (System.getProperty(Seeds.PROPERTY) == null) {
            assertThat(accepted.get() + denied.get()).isGreaterThanOrEqualTo(100_000);
            assertThat(denied.get()).isGreaterThan(5_000);
            assertThat(accepted.get()).isGreaterThan(5_000);
        }
    }

    private static boolean sharesNoAddress(Endpoint endpoint, Map<InterfaceName, Endpoint> others) {
        return others.values().stream()
                .filter(other -> !other.hostInterface().equals(endpoint.hostInterface()))
                .noneMatch(other -> other.addresses().stream().anyMatch(endpoint.addresses()::contains));
    }
}
