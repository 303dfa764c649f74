package dev.ikat.services.program;

import java.util.List;
import java.util.TreeSet;

/** What becomes of connections to a frontend. */
public sealed interface Target {
    /** Connections are refused as if nothing listened: a TCP reset, or an ICMP error. */
    Target REJECT = new Reject();

    /** Packets are dropped without an answer. */
    Target DROP = new Drop();

    /** To which new connections may go; none if all are refused or dropped. */
    List<Backend> backends();

    /**
     * Each new connection goes to one of the backends, all with the same probability.
     *
     * @param backends at least one, in order, each once
     */
    record Balance(List<Backend> backends) implements Target {
        public Balance {
            if (backends.isEmpty()) {
                throw new IllegalArgumentException("no backend to send connections to");
            }
            backends = List.copyOf(new TreeSet<>(backends));
        }
    }

    /** See {@link Target#REJECT}. */
    record Reject() implements Target {
        @Override
        public List<Backend> backends() {
            return List.of();
        }
    }

    /** See {@link Target#DROP}. */
    record Drop() implements Target {
        @Override
        public List<Backend> backends() {
            return List.of();
        }
    }
}
