package dev.ikat.services.compiler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * After any history, the program is the one that the API's text gives of the whole cluster, and no change told less.
 */
final class IncrementalServicesTest {
    @Test
    void everyChangeLeadsToTheProgramOfTheWholeCluster() {
        Seeds.forEach(400, random -> {
            RandomServices services = new RandomServices(random);
            ServiceSettings settings = services.settings();
            ServiceCompiler compiler = new ServiceCompiler(RandomServices.NODE, settings);
            Map<ObjectKey, ClusterObject> objects = new TreeMap<>();
            Set<IpAddress> host = Set.of();
            ServiceProgram program = ServiceProgram.EMPTY;
            int steps = random.between(1, 60);
            for (int step = 0; step < steps; step++) {
                ServiceChange change;
                if (random.chance(0.05)) {
                    host = random.chance(0.5) ? Set.of() : Set.of(IpAddress.parse("192.0.2.1"));
                    change = compiler.host(host);
                } else {
                    change = compiler.apply(clusterChange(objects, services, random));
                }

                assertTellsOnlyDifferences(change, program);
                program = change.applyTo(program);
                assertThat(program)
                        .isEqualTo(compiler.program())
                        .isEqualTo(
                                new ServiceReference(RandomServices.NODE, settings, host, objects.values()).program());
            }
            ServiceCompiler fresh = new ServiceCompiler(RandomServices.NODE, settings);
            ServiceChange _ = fresh.host(host);
            ServiceChange _ = fresh.apply(ClusterChange.between(Map.of(), objects));
            assertThat(fresh.program()).isEqualTo(program);
            assertThat(fresh.healthChecks()).isEqualTo(compiler.healthChecks());
            assertThat(fresh.findings()).isEqualTo(compiler.findings());
        });
    }

    /** Some objects that come, go, or are otherwise. */
    private static ClusterChange clusterChange(
            Map<ObjectKey, ClusterObject> objects, RandomServices services, Generator random) {
        Map<ObjectKey, ClusterObject> before = new TreeMap<>(objects);
        int atOnce = random.chance(0.7) ? 1 : random.between(2, 6);
        for (int i = 0; i < atOnce; i++) {
            if (!objects.isEmpty() && random.chance(0.25)) {
                objects.remove(random.oneOf(new ArrayList<>(objects.keySet())));
            } else {
                ClusterObject object = services.object();
                objects.put(object.key(), object);
            }
        }
        return ClusterChange.between(before, objects);
    }

    private static void assertTellsOnlyDifferences(ServiceChange change, ServiceProgram before) {
        Map<Frontend, FrontendProgram> known = before.frontends();
        List<FrontendProgram> repeated =
                change.changed().stream().filter(known::containsValue).toList();
        assertThat(repeated).isEmpty();
        assertThat(known.keySet()).containsAll(change.removed());
        assertThat(change.podCidrs()).isNotEqualTo(Optional.of(before.podCidrs()));
        assertThat(change.serviceCidrs()).isNotEqualTo(Optional.of(before.serviceCidrs()));
    }
}
