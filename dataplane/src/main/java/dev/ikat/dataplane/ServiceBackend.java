package dev.ikat.dataplane;

import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.Collection;
import java.util.List;

/**
 * Sends connections to services to their backends, in the kernel of the network namespace in which it was opened: those
 * of pods, of the node itself, and those that reach the node from outside. A connection keeps its backend for as long
 * as it lasts, whatever is put in force later. Not thread-safe: one caller at a time.
 */
public interface ServiceBackend extends AutoCloseable {
    /**
     * Makes the kernel do exactly what this program says, whatever it did before, in one step. Which client has which
     * backend (session affinity) is kept as far as the program still has the backend.
     *
     * @throws PolicyBackendException if the kernel refuses; then the former program is still in force
     */
    default void replace(ServiceProgram program) {
        replace(program, List.of());
    }

    /**
     * As {@link #replace(ServiceProgram)}; in the same step, these clients get the backends that they had with another
     * dataplane, as far as the program has those.
     */
    void replace(ServiceProgram program, Collection<StickyClient> clients);

    /**
     * Gives these clients their backends too, as far as the program in force has those.
     *
     * @throws RuntimeException if the kernel refuses; the program stays in force
     */
    void adopt(Collection<StickyClient> clients);

    /**
     * Changes the program in force, in one step.
     *
     * @throws PolicyBackendException if the kernel refuses; then the former program is still in force, and the caller
     *     must {@link #replace} it before the next change
     */
    void apply(ServiceChange change);

    /**
     * Reads back what is in force and compares it with this program. Returns one line for each difference; none if
     * there is no drift.
     *
     * @throws PolicyBackendException if it can't be read
     */
    List<String> audit(ServiceProgram program);

    /**
     * Whether it is certain, by a check that costs next to nothing, that what this object put in force is unchanged. If
     * not, {@link #audit} can tell.
     */
    default boolean isUntouched() {
        return false;
    }

    /** What the kernel lacks here that would make it faster, a sentence each: everything is in force without it. */
    default List<String> remarks() {
        return List.of();
    }

    /** Removes everything from the kernel that any run of this backend put there. Idempotent. */
    void remove();

    /**
     * Removes only what is not left to another dataplane that this one {@linkplain Dataplane#standsOn stands on}: that
     * dataplane goes on alone.
     */
    default void removeOwn() {
        remove();
    }

    /** Releases what the process holds; what is in the kernel stays in force. */
    @Override
    void close();
}
