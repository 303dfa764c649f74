package dev.ikat.dataplane;

import dev.ikat.model.IpAddress;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A technology that filters a node's packets, in the network namespace in which it was opened. Asking for its name and
 * capabilities costs nothing and does not touch the kernel; what it opens belongs to the caller. Thread-safe.
 */
public interface Dataplane extends AutoCloseable {
    /** Its name in the setting {@code policy-backend} and in the log. */
    String name();

    /** Its capabilities. */
    Set<Capability> capabilities();

    /** What keeps this host from using it, as a sentence that says what to install; empty if no reason is known. */
    default Optional<String> missing() {
        return Optional.empty();
    }

    /**
     * Opens the policy backend.
     *
     * @throws UnsupportedOperationException if it does not have the capability
     * @throws RuntimeException if something that it needs is missing; the message says what
     */
    PolicyBackend policy();

    /** Opens masquerade; throws as {@link #policy()} does. */
    default Masquerading masquerading() {
        throw new UnsupportedOperationException(name() + " does not masquerade");
    }

    /** Opens the source guard; throws as {@link #policy()} does. */
    default SourceGuard guard() {
        throw new UnsupportedOperationException(name() + " has no source guard");
    }

    /** Opens the acceptance by the host's own firewall; throws as {@link #policy()} does. */
    default FirewallAcceptance acceptance() {
        throw new UnsupportedOperationException(name() + " can't add to the host's own firewall");
    }

    /** Opens the backend for services; throws as {@link #policy()} does. */
    default ServiceBackend services() {
        throw new UnsupportedOperationException(name() + " has no services");
    }

    /**
     * The clients that have one of the program's backends by session affinity, as this or an earlier process has it in
     * the kernel; none where this dataplane can't be used, or leaves that to another.
     *
     * @throws RuntimeException if the kernel can't be asked
     */
    default List<StickyClient> stickyClients(ServiceProgram program) {
        return List.of();
    }

    /** Whether this dataplane's capability includes that the other one's is in force. */
    default boolean standsOn(Dataplane other, Capability capability) {
        return false;
    }

    /**
     * Removes what earlier runs left of a capability. Succeeds if there is nothing, or if this dataplane can't be used
     * here.
     *
     * @param inUse whether this dataplane has the capability in force: then that stays, and only remains of another
     *     form of it are removed
     */
    void removeLeft(Capability capability, boolean inUse);

    /**
     * Whether the kernel notifies when another program changes what is in force; if not, it has to be checked
     * regularly.
     */
    default boolean isWatched() {
        return false;
    }

    /** Whether everything that it had put in force is certainly gone; the check costs next to nothing. */
    default boolean isGone() {
        return false;
    }

    /**
     * Ends the connections with these addresses in the dataplane's own connection table, which exists in addition to
     * the kernel's connection tracking.
     *
     * @throws PolicyBackendException if the kernel refuses
     */
    default void endConnections(Set<IpAddress> addresses) {}

    /** How full its own tables are, from 0 to 1, by name; empty if it has no tables of a fixed size. */
    default Map<String, Double> fill() {
        return Map.of();
    }

    /** Releases what the process holds; what is in the kernel stays in force. */
    @Override
    void close();
}
