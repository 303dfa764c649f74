package dev.ikat.dataplane;

import dev.ikat.model.IpAddress;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A technology that filters a node's packets, in the network namespace in which it was opened. Asking what it is and
 * can do costs nothing and touches no kernel; what it opens is its caller's. Thread-safe.
 */
public interface Dataplane extends AutoCloseable {
    /** Its name, as the setting {@code policy-backend} and the log have it. */
    String name();

    /** What it can do. */
    Set<Capability> capabilities();

    /** What keeps this host from using it, as a sentence that says what to install; empty where nothing is known to. */
    default Optional<String> missing() {
        return Optional.empty();
    }

    /**
     * Opens what enforces policies.
     *
     * @throws UnsupportedOperationException if it does not have the capability
     * @throws RuntimeException if something that it needs is not there; the message says what
     */
    PolicyBackend policy();

    /** Opens what masquerades; throws as {@link #policy()} does. */
    default Masquerading masquerading() {
        throw new UnsupportedOperationException(name() + " does not masquerade");
    }

    /** Opens what guards sources; throws as {@link #policy()} does. */
    default SourceGuard guard() {
        throw new UnsupportedOperationException(name() + " does not guard sources");
    }

    /**
     * Removes what any run of it left of a capability. Succeeds where there is nothing, or it can't be used here.
     *
     * @param inUse whether this dataplane has the capability in force: then that stays, and only what is left of
     *     another form of it goes
     */
    void removeLeft(Capability capability, boolean inUse);

    /** Whether the kernel tells when somebody else changes what it has put in force; if not, somebody has to look. */
    default boolean isWatched() {
        return false;
    }

    /** Whether everything that it had put in force is certainly gone; a look that costs next to nothing. */
    default boolean isGone() {
        return false;
    }

    /**
     * Ends the connections with these addresses that it remembers itself, beside the kernel's connection tracking.
     *
     * @throws PolicyBackendException if the kernel refuses
     */
    default void endConnections(Set<IpAddress> addresses) {}

    /** How full its own tables are, from 0 to 1, by their names; none where it has none of a fixed size. */
    default Map<String, Double> fill() {
        return Map.of();
    }

    /** Lets go of what the process holds; what is in the kernel stays in force. */
    @Override
    void close();
}
