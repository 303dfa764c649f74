package dev.ikat.agent.dataplane;

import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A capability that one dataplane has in force. To move it to another dataplane, that one puts it in force before the
 * former one removes it: so both are in force for a moment, and there is no gap.
 *
 * @param <T> the interface of the capability
 */
public final class CapabilityInForce<T> {
    private final Dataplanes dataplanes;
    private final Capability capability;
    private final Function<Dataplane, T> opener;
    private final Consumer<T> removal;
    private Optional<T> current = Optional.empty();
    private volatile Optional<Dataplane> by = Optional.empty();

    /**
     * Nothing is in force yet.
     *
     * @param opener opens the capability of a dataplane
     * @param removal removes it from the kernel
     */
    public CapabilityInForce(
            Dataplanes dataplanes, Capability capability, Function<Dataplane, T> opener, Consumer<T> removal) {
        this.dataplanes = dataplanes;
        this.capability = capability;
        this.opener = opener;
        this.removal = removal;
    }

    /**
     * Puts it in force by the dataplane that is to have it now.
     *
     * @param reconcile compares and repairs; if it throws, the former dataplane stays in force
     * @return what {@code reconcile} returns
     */
    public <R> R reconcile(Function<T, R> reconcile) {
        Dataplane chosen = dataplanes.with(capability);
        T keeping = current.filter(_ -> by.equals(Optional.of(chosen))).orElseGet(() -> opener.apply(chosen));
        R outcome = reconcile.apply(keeping);
        if (!current.equals(Optional.of(keeping))) {
            current.ifPresent(removal);
            dataplanes.removeLeft(capability, Optional.of(chosen));
            current = Optional.of(keeping);
            by = Optional.of(chosen);
        }
        return outcome;
    }

    /** The dataplane that has it in force; empty if none has yet. For any thread. */
    public Optional<Dataplane> by() {
        return by;
    }
}
