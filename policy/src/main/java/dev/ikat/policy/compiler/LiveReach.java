package dev.ikat.policy.compiler;

import java.util.HashSet;
import java.util.Set;

/** The namespaces that a reach includes now, and the sets that look for their pods there. */
final class LiveReach {
    final Reach reach;
    final Set<NamespaceRecord> namespaces = new HashSet<>();
    final SelectorIndex<LiveSet> sets = new SelectorIndex<>();
    int setCount;

    LiveReach(Reach reach) {
        this.reach = reach;
    }

    boolean includes(NamespaceRecord namespace) {
        return reach.includes(namespace.name, namespace.object);
    }

    void link(NamespaceRecord namespace) {
        namespaces.add(namespace);
        namespace.reaches.add(this);
    }

    void unlink(NamespaceRecord namespace) {
        namespaces.remove(namespace);
        namespace.reaches.remove(this);
    }

    /** Claims, for each of the sets, what it has of the pod. */
    void claim(PodRecord pod, Set<LiveSet> touched) {
        pod.pod.ifPresent(known -> sets.candidates(known.labels(), set -> {
            if (set.claim(pod.membersIn(set.meaning))) {
                touched.add(set);
            }
        }));
    }

    /** Takes back what {@link #claim} did for the pod as it still is. */
    void unclaim(PodRecord pod, Set<LiveSet> touched) {
        pod.pod.ifPresent(known -> sets.candidates(known.labels(), set -> {
            if (set.unclaim(pod.membersIn(set.meaning))) {
                touched.add(set);
            }
        }));
    }
}
