package dev.ikat.dataplane;

import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import java.util.List;
import java.util.Optional;

/**
 * Puts programs into the kernel of the network namespace in which it was opened. Two backends can be in force at once:
 * then only what both let pass does.
 *
 * <p>Not thread-safe: one caller at a time.
 */
public interface PolicyBackend extends AutoCloseable {
    /**
     * The mark, in the kernel's connection tracking, of a connection that policy forbids and that has no beginning by
     * which to know another: were it forgotten instead, the next packet of the end that answers would begin it anew,
     * the other way round. A backend that goes by connection tracking judges what its first end sends like a first
     * packet, and drops all that answers. The letters "ikxt".
     */
    int FORBIDDEN = 0x696b_7874;

    /** Why this machine can't run it, naming what is missing; empty if it can. */
    Optional<String> probe();

    /**
     * Makes the kernel enforce exactly this program, whatever it enforced before, in one step: a packet meets the old
     * program or the new one. An interface of Ikat's that is in no program is closed.
     *
     * @throws PolicyBackendException if the kernel refuses; what was, is still in force
     */
    void replace(PolicyProgram program);

    /**
     * Changes the program in force, in one step.
     *
     * @throws PolicyBackendException if the kernel refuses; what was, is still in force, and the caller must
     *     {@link #replace} before the next change
     */
    void apply(PolicyChange change);

    /**
     * Reads back what is in force and says how it differs from this program, a line a difference; none if it does not.
     *
     * @throws PolicyBackendException if it can't be read
     */
    List<String> audit(PolicyProgram program);

    /**
     * Whether it is certain, by a look that costs next to nothing, that what this object put in force is still there.
     * If not, {@link #audit} can tell.
     */
    default boolean isUntouched() {
        return false;
    }

    /**
     * Another backend is about to take over: makes the kernel's connection tracking know what only this one knows, so
     * that open connections stay open. It enforces as before.
     */
    default void handOver() {}

    /** Takes everything out of the kernel that any run of this backend put there. Succeeds where there is nothing. */
    void remove();

    /** Lets go of what the process holds; what is in the kernel stays in force. */
    @Override
    void close();
}
