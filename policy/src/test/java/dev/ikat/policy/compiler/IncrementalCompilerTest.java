package dev.ikat.policy.compiler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** After any history, the program is the one that all of the cluster at once would give, and no change told less. */
final class IncrementalCompilerTest {
    @Test
    void everyChangeLeadsToTheProgramOfAFreshCompilation() {
        Seeds.forEach(300, random -> {
            RandomCluster cluster = new RandomCluster(random);
            PolicyCompiler compiler = new PolicyCompiler("node");
            WholeCompiler whole = new WholeCompiler();
            Map<ObjectKey, ClusterObject> objects = new TreeMap<>();
            Map<InterfaceName, Endpoint> endpoints = new HashMap<>();
            PolicyProgram program = PolicyProgram.EMPTY;
            int steps = random.between(1, 60);
            for (int step = 0; step < steps; step++) {
                List<PolicyInput> inputs = new ArrayList<>();
                int atOnce = random.chance(0.7) ? 1 : random.between(2, 6);
                for (int i = 0; i < atOnce; i++) {
                    PolicyInput input = input(objects, cluster, random);
                    switch (input) {
                        case PolicyInput.Wired(Endpoint endpoint) -> {
                            endpoints.put(endpoint.hostInterface(), endpoint);
                            whole.add(endpoint);
                        }
                        case PolicyInput.Unwired(InterfaceName name) -> {
                            endpoints.remove(name);
                            whole.remove(name);
                        }
                        case PolicyInput.Cluster(ClusterChange change) -> {
                            change.removed().forEach(object -> objects.remove(object.key()));
                            change.updated()
                                    .forEach(
                                            update -> objects.put(update.after().key(), update.after()));
                            change.added().forEach(object -> objects.put(object.key(), object));
                            whole.update(change);
                        }
                    }
                    inputs.add(input);
                }
                PolicyChange change = compiler.update(inputs);
                program = applied(program, change);
                assertThat(program).isEqualTo(compiler.program()).isEqualTo(whole.program());
                endpoints
                        .keySet()
                        .forEach(name -> assertThat(compiler.awaitsLabels(name)).isEqualTo(whole.awaitsLabels(name)));
            }
            PolicyCompiler fresh = new PolicyCompiler("node");
            endpoints.values().forEach(fresh::add);
            fresh.update(ClusterChange.between(Map.of(), objects));
            assertThat(fresh.program()).isEqualTo(program);
        });
    }

    private static PolicyInput input(Map<ObjectKey, ClusterObject> objects, RandomCluster cluster, Generator random) {
        return switch (random.between(0, 4)) {
            case 0 -> new PolicyInput.Wired(cluster.endpoint());
            case 1 -> new PolicyInput.Unwired(cluster.hostInterface());
            default -> new PolicyInput.Cluster(ClusterChange.between(objects, someOthers(objects, cluster, random)));
        };
    }

    private static Map<ObjectKey, ClusterObject> someOthers(
            Map<ObjectKey, ClusterObject> before, RandomCluster cluster, Generator random) {
        Map<ObjectKey, ClusterObject> after = new TreeMap<>(before);
        after.keySet().removeIf(_ -> random.chance(0.05));
        random.listOf(1, 6, _ -> cluster.object()).forEach(object -> after.put(object.key(), object));
        return after;
    }

    /** By the letter of {@link PolicyChange}, and with no part that changes nothing. */
    private static PolicyProgram applied(PolicyProgram program, PolicyChange change) {
        Map<SetId, AddressSet> sets = new HashMap<>(program.sets());
        Map<InterfaceName, PodProgram> pods = new HashMap<>(program.pods());
        for (AddressSet set : change.addedSets()) {
            assertThat(sets.put(set.id(), set)).isNull();
        }
        change.changedSets().forEach((id, members) -> {
            assertThat(members.added().size() + members.removed().size()).isPositive();
            sets.computeIfPresent(id, (_, set) -> {
                assertThat(set.members()).containsAll(members.removed());
                assertThat(members.added()).noneMatch(set.members()::contains);
                Set<SetMember> now = new HashSet<>(set.members());
                now.removeAll(members.removed());
                now.addAll(members.added());
                return new AddressSet(id, set.form(), set.meaning(), now);
            });
        });
        for (PodProgram pod : change.programs()) {
            assertThat(pod).isNotEqualTo(pods.put(pod.endpoint().hostInterface(), pod));
        }
        for (Endpoint endpoint : change.removedPods()) {
            assertThat(pods.remove(endpoint.hostInterface())).isNotNull();
        }
        for (SetId id : change.removedSets()) {
            assertThat(sets.remove(id)).isNotNull();
        }
        return new PolicyProgram(sets, pods);
    }
}
