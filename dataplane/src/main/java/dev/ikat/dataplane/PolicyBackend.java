package dev.ikat.dataplane;

import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import java.util.List;
import java.util.Optional;

/**
 * Puts programs in force in the kernel of the network namespace in which it was opened. Two backends can be in force at
 * once: then a packet passes only if both allow it.
 *
 * <p>Not thread-safe: one caller at a time.
 */
public interface PolicyBackend extends AutoCloseable {
    /**
     * The connection mark of a connection that a policy forbids and that has no first packet by which a new one could
     * be recognized: if conntrack forgot it instead, the next packet from the answering end would establish it again,
     * in the opposite direction. A backend that relies on connection tracking checks what the first end sends like a
     * first packet, and drops everything that the other end answers. The value spells "ikxt".
     */
    int FORBIDDEN = 0x696b_7874;

    /** Why this host can't run the backend, naming what is missing; empty if it can. */
    Optional<String> probe();

    /**
     * Makes the kernel enforce exactly this program, whatever it enforced before, atomically: a packet meets the old
     * program or the new one. An interface of Ikat's that is in no program is closed.
     *
     * @throws PolicyBackendException if the kernel refuses; then the former program is still in force
     */
    void replace(PolicyProgram program);

    /**
     * Changes the program in force, atomically.
     *
     * @throws PolicyBackendException if the kernel refuses; then the former program is still in force, and the caller
     *     must {@link #replace} it before the next change
     */
    void apply(PolicyChange change);

    /**
     * Reads back what is in force and compares it with this program. Returns one line for each difference; none if
     * there is no drift.
     *
     * @throws PolicyBackendException if it can't be read
     */
    List<String> audit(PolicyProgram program);

    /**
     * Whether it is certain, by a check that costs next to nothing, that what this object put in force is unchanged. If
     * not, {@link #audit} can tell.
     */
    default boolean isUntouched() {
        return false;
    }

    /**
     * Prepares for another backend to take over: copies what only this backend knows into the kernel's connection
     * tracking, so that open connections stay open. It goes on enforcing.
     */
    default void handOver() {}

    /** Removes everything from the kernel that any run of this backend put there. Idempotent. */
    void remove();

    /** Releases what the process holds; what is in the kernel stays in force. */
    @Override
    void close();
}
