package dev.ikat.agent.services;

import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The dataplane that has services in force, and whether it has the caller's program. What the kernel refused is not in
 * force before the whole program is put in force anew; a dataplane goes only when its successor is in force, with its
 * clients that have a backend by session affinity. Not thread-safe.
 */
final class ServicesInForce implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ServicesInForce.class);
    private static final int DIFFERENCES_LOGGED = 5;
    /** Where the kernel does not notify, looking for others' changes takes at most one part in so many of the time. */
    private static final int LOOKING_SHARE = 10;

    private final Dataplanes dataplanes;
    private Optional<ServiceBackend> backend = Optional.empty();
    private Optional<Dataplane> by = Optional.empty();
    private Optional<String> failure = Optional.of("they are not in force yet");
    private boolean othersRemoved;
    /** When the last look for others' changes ended, and how long it took, in nanoseconds. */
    private long looked = System.nanoTime();

    private long lookTook;

    ServicesInForce(Dataplanes dataplanes) {
        this.dataplanes = dataplanes;
    }

    /** Why the program is not in force; empty if it is. */
    Optional<String> failure() {
        return failure;
    }

    /** The dataplane that has it in force; empty if none has. */
    Optional<String> by() {
        return failure.isEmpty() ? by.map(Dataplane::name) : Optional.empty();
    }

    /** What the kernel lacks here that would make them faster, a sentence each. */
    List<String> remarks() {
        return failure.isEmpty() ? backend.map(ServiceBackend::remarks).orElse(List.of()) : List.of();
    }

    /** Whether the kernel notifies of others' changes to what is in force. */
    boolean isWatched() {
        return by.map(Dataplane::isWatched).orElse(true);
    }

    /** Changes the program in force; where that is refused, nothing counts as being in force. */
    boolean apply(ServiceChange change) {
        try {
            backend.orElseThrow().apply(change);
            return true;
        } catch (PolicyBackendException e) {
            LOG.atError().addKeyValue("error", e.getMessage()).setCause(e).log("services-refused");
            lost(String.valueOf(e.getMessage()));
            return false;
        }
    }

    /** Nobody knows any more what is in force. */
    void lost(String reason) {
        failure = Optional.of(reason);
    }

    /**
     * Has the dataplane that is to have services put the program in force where it is not, or repairs what somebody
     * changed.
     *
     * @param program asked for only where it is needed
     * @return how many differences there were
     * @throws RuntimeException if the dataplane can't be used here, or the kernel can't be asked or refuses
     */
    int reconcile(Supplier<ServiceProgram> program) {
        Dataplane chosen = dataplanes.with(Capability.SERVICES);
        if (!by.equals(Optional.of(chosen))) {
            take(chosen, program.get());
            return 0;
        }
        ServiceBackend open = backend.orElseThrow();
        if (failure.isPresent()) {
            replace(open, program.get());
            return 0;
        }
        if (open.isUntouched() || (!isWatched() && System.nanoTime() - looked < LOOKING_SHARE * lookTook)) {
            return 0;
        }
        long start = System.nanoTime();
        List<String> drift = open.audit(program.get());
        looked = System.nanoTime();
        lookTook = looked - start;
        if (!drift.isEmpty()) {
            LOG.atWarn()
                    .addKeyValue("differences", drift.size())
                    .addKeyValue("first", drift.subList(0, Math.min(DIFFERENCES_LOGGED, drift.size())))
                    .log("services-drift");
            replace(open, program.get());
        }
        return drift.size();
    }

    private void take(Dataplane chosen, ServiceProgram program) {
        ServiceBackend next = chosen.services();
        StickyHandover clients = new StickyHandover(dataplanes, chosen, program);
        try {
            replace(next, program, clients.begin());
        } catch (RuntimeException e) {
            next.close();
            throw e;
        }
        clients.finish(next);
        backend.ifPresent(former -> {
            // One that stands on the other has it in force too.
            Dataplane before = by.orElseThrow();
            if (before.standsOn(chosen, Capability.SERVICES)) {
                former.removeOwn();
            } else if (!chosen.standsOn(before, Capability.SERVICES)) {
                former.remove();
            }
            former.close();
        });
        backend = Optional.of(next);
        by = Optional.of(chosen);
        dataplanes.removeLeft(Capability.SERVICES, by);
        othersRemoved = true;
    }

    private void replace(ServiceBackend open, ServiceProgram program) {
        replace(open, program, List.of());
    }

    private void replace(ServiceBackend open, ServiceProgram program, Collection<StickyClient> clients) {
        long start = System.nanoTime();
        try {
            open.replace(program, clients);
        } catch (PolicyBackendException e) {
            failure = Optional.of(String.valueOf(e.getMessage()));
            throw e;
        }
        failure = Optional.empty();
        LOG.atInfo()
                .addKeyValue("frontends", program.frontends().size())
                .addKeyValue("ms", (System.nanoTime() - start) / 1_000_000)
                .log("services-in-force");
    }

    /** Takes services out of force, and what earlier agents left of them; costs nothing the second time. */
    void remove(String reason) {
        failure = Optional.of(reason);
        backend.ifPresent(open -> {
            open.remove();
            open.close();
        });
        backend = Optional.empty();
        by = Optional.empty();
        if (!othersRemoved) {
            dataplanes.removeLeft(Capability.SERVICES, Optional.empty());
            othersRemoved = true;
        }
    }

    /** Lets go of the dataplane; what is in the kernel stays in force. */
    @Override
    public void close() {
        backend.ifPresent(ServiceBackend::close);
    }
}
