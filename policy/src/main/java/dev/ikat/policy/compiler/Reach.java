package dev.ikat.policy.compiler;

import dev.ikat.cluster.Namespace;
import java.util.Optional;

/** The namespaces in which a peer looks for pods. */
sealed interface Reach {
    /** The pods of every namespace, whether its object is there or not. */
    Reach EVERYWHERE = new Selected(Requirements.NONE);

    /** Whether it takes in the pods of this namespace, whose object may be missing. */
    boolean includes(String name, Optional<Namespace> object);

    /** The policy's own namespace, also where its object is missing. */
    record Own(String namespace) implements Reach {
        @Override
        public boolean includes(String name, Optional<Namespace> object) {
            return namespace.equals(name);
        }

        @Override
        public String toString() {
            return "in namespace " + namespace;
        }
    }

    /** The namespaces with these labels. One whose object is missing has no labels to go by, not even its name. */
    record Selected(Requirements labels) implements Reach {
        @Override
        public boolean includes(String name, Optional<Namespace> object) {
            return labels.isEmpty()
                    || (object.isPresent() && labels.matches(object.get().labels()));
        }

        @Override
        public String toString() {
            return labels.isEmpty() ? "in any namespace" : "in namespaces with " + labels;
        }
    }
}
