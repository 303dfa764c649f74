package dev.ikat.backendtests;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.compiler.RandomCluster;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.testbed.random.Generator;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * What happens to a cluster: objects that come, change and go, some at a time. The first batch is put in force as a
 * whole, each later one as the change that the compiler makes of it.
 *
 * @param events in their order
 */
record History(List<Event> events) {
    /**
     * One object, as it is from now on.
     *
     * @param batch with which others it comes
     * @param key which object
     * @param object the object; empty if it goes
     */
    record Event(int batch, ObjectKey key, Optional<ClusterObject> object) {
        @Override
        public String toString() {
            return batch + ": " + object.map(Object::toString).orElse("no " + key);
        }
    }

    History {
        events = List.copyOf(events);
    }

    /** A cluster of some tens of objects, and a few small changes. */
    static History random(Generator random) {
        RandomCluster cluster = new RandomCluster(random);
        List<Event> events = new ArrayList<>();
        int batches = random.between(1, 4);
        for (int batch = 0; batch < batches; batch++) {
            for (int i = batch == 0 ? random.between(10, 40) : random.between(1, 6); i > 0; i--) {
                ClusterObject object = cluster.object();
                boolean goes = batch > 0 && random.chance(0.3);
                events.add(
                        goes
                                ? new Event(batch, random.oneOf(events).key(), Optional.empty())
                                : new Event(batch, object.key(), Optional.of(object)));
            }
        }
        return new History(events);
    }

    /** Plays it to a backend whatever that has in force, and returns the objects that there are in the end. */
    Collection<ClusterObject> play(PolicyBackend backend, List<Endpoint> endpoints) {
        PolicyCompiler compiler = new PolicyCompiler(RandomCluster.NODE);
        endpoints.forEach(endpoint -> compiler.update(List.of(new PolicyInput.Wired(endpoint))));
        Map<ObjectKey, ClusterObject> objects = new TreeMap<>();
        List<Integer> batches = events.stream().map(Event::batch).distinct().toList();
        backend.replace(compiler.program());
        for (int batch : batches) {
            Map<ObjectKey, ClusterObject> after = new TreeMap<>(objects);
            for (Event event : events) {
                if (event.batch == batch) {
                    event.object.ifPresentOrElse(object -> after.put(event.key, object), () -> after.remove(event.key));
                }
            }
            var change = compiler.update(ClusterChange.between(objects, after));
            if (batch == batches.getFirst()) {
                backend.replace(compiler.program());
            } else {
                backend.apply(change);
            }
            objects = after;
        }
        return objects.values();
    }

    /** The shortest that fails still, found by leaving out halves, then halves of those, down to single events. */
    History shrunk(Predicate<History> fails) {
        History smallest = this;
        for (int size = Math.max(1, events.size() / 2); size >= 1; size /= 2) {
            int from = 0;
            while (from < smallest.events.size()) {
                List<Event> rest = new ArrayList<>(smallest.events);
                rest.subList(from, Math.min(from + size, rest.size())).clear();
                if (fails.test(new History(rest))) {
                    smallest = new History(rest);
                } else {
                    from += size;
                }
            }
        }
        return smallest;
    }
}
