package dev.ikat.iptables;

import dev.ikat.dataplane.PolicyBackendException;
import java.util.function.Supplier;

/** Whether a backend knows what it has in force, which it does not before its first change and after a failed one. */
final class Knowledge {
    /** What an audit says as long as it is not known. */
    static final String MISSING = "it is not known what is in force";

    private boolean known;

    /** Whether it is known. */
    boolean isKnown() {
        return known;
    }

    /** It is not known any more. */
    void forget() {
        known = false;
    }

    /**
     * Changes what is in force, which is known if that succeeds.
     *
     * @param what continues "could not"
     * @throws PolicyBackendException if a program fails
     */
    void change(String what, Runnable work) {
        known = false;
        attempt(what, () -> {
            work.run();
            return true;
        });
        known = true;
    }

    /**
     * Runs programs.
     *
     * @param what continues "could not"
     * @throws PolicyBackendException if one of them fails
     */
    static <T> T attempt(String what, Supplier<T> work) {
        try {
            return work.get();
        } catch (IptablesException e) {
            throw new PolicyBackendException("iptables could not " + what + ": " + e.getMessage(), e);
        }
    }

    /**
     * For changes of what is in force.
     *
     * @param remedy what has to be done where it is not known
     * @throws PolicyBackendException if it is not known
     */
    void require(String remedy) {
        if (!known) {
            throw new PolicyBackendException(MISSING + "; " + remedy);
        }
    }
}
