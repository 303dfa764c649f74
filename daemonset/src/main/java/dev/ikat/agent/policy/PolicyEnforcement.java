package dev.ikat.agent.policy;

import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The backend in use, and whether the kernel enforces the caller's program by it. What the kernel refused is not in
 * force before the whole program is put in force anew, and a backend goes only when its successor is in force, so no
 * packet meets neither. Not thread-safe.
 */
final class PolicyEnforcement implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PolicyEnforcement.class);
    private static final int DIFFERENCES_LOGGED = 5;

    private final PolicyListener listener;
    private Supplier<PolicyBackend> opener;
    private Optional<PolicyBackend> backend = Optional.empty();
    private Optional<String> failure = Optional.of("it is not in force yet");

    /**
     * @param opener opens the backend, when it is first needed
     * @param listener told what has come in force, and what has not
     */
    PolicyEnforcement(Supplier<PolicyBackend> opener, PolicyListener listener) {
        this.opener = opener;
        this.listener = listener;
    }

    /** Why the program is not in force; empty if it is. */
    Optional<String> failure() {
        return failure;
    }

    boolean isInForce() {
        return failure.isEmpty();
    }

    /**
     * Opens the backend, if it is not open.
     *
     * @throws PolicyBackendException if it can't be used here
     */
    void open() {
        if (backend.isEmpty()) {
            backend = Optional.of(opened(opener));
        }
    }

    private static PolicyBackend opened(Supplier<PolicyBackend> opener) {
        PolicyBackend opened = opener.get();
        Optional<String> reason = opened.probe();
        if (reason.isPresent()) {
            opened.close();
            throw new PolicyBackendException(
                    reason.get() + "; this host can't run this policy backend: set policy-backend to another one");
        }
        return opened;
    }

    /** Changes the program in force; where that is refused, nothing counts as being in force. */
    boolean apply(PolicyChange change) {
        try {
            backend.orElseThrow().apply(change);
            listener.inForce(change);
            return true;
        } catch (PolicyBackendException e) {
            LOG.atError().addKeyValue("error", e.getMessage()).setCause(e).log("policy-refused");
            lost(String.valueOf(e.getMessage()));
            return false;
        }
    }

    /** Nobody knows any more what is in force. */
    void lost(String reason) {
        failure = Optional.of(reason);
        listener.needed();
    }

    /**
     * Puts the program in force where it is not, else repairs what somebody changed. The backend is open.
     *
     * @param program asked for only where it is needed
     * @return how many differences there were
     * @throws PolicyBackendException if the kernel can't be asked or refuses
     */
    int reconcile(Supplier<PolicyProgram> program) {
        PolicyBackend open = backend.orElseThrow();
        if (!isInForce()) {
            replace(open, program.get());
            return 0;
        }
        if (open.isUntouched()) {
            return 0;
        }
        List<String> drift = open.audit(program.get());
        if (!drift.isEmpty()) {
            LOG.atWarn()
                    .addKeyValue("differences", drift.size())
                    .addKeyValue("first", first(drift))
                    .log("policy-drift");
            replace(open, program.get());
        }
        return drift.size();
    }

    private void replace(PolicyBackend open, PolicyProgram program) {
        long start = System.nanoTime();
        try {
            open.replace(program);
        } catch (PolicyBackendException e) {
            failure = Optional.of(String.valueOf(e.getMessage()));
            throw e;
        }
        failure = Optional.empty();
        LOG.atInfo()
                .addKeyValue("pods", program.pods().size())
                .addKeyValue("sets", program.sets().size())
                .addKeyValue("ms", (System.nanoTime() - start) / 1_000_000)
                .log("policy-in-force");
        listener.allInForce();
    }

    private static List<String> first(List<String> differences) {
        return differences.subList(0, Math.min(DIFFERENCES_LOGGED, differences.size()));
    }

    /**
     * Lets another backend enforce the program. It is in force, and was looked at, before the former goes.
     *
     * @param other opens it
     * @throws PolicyBackendException if it can't be used or can't enforce the program; the former does so as before
     */
    void swap(Supplier<PolicyBackend> other, Supplier<PolicyProgram> wanted) {
        if (backend.isEmpty()) {
            opener = other;
            return;
        }
        PolicyBackend former = backend.get();
        PolicyBackend next = opened(other);
        PolicyProgram program = wanted.get();
        former.handOver();
        try {
            next.replace(program);
            List<String> differences = next.audit(program);
            if (!differences.isEmpty()) {
                throw new PolicyBackendException("the other backend differs from the program: " + first(differences));
            }
        } catch (PolicyBackendException e) {
            next.remove();
            next.close();
            throw e;
        }
        opener = other;
        backend = Optional.of(next);
        failure = Optional.empty();
        // What the former one kept from going on may have been handed over as open.
        listener.allInForce();
        try {
            former.remove();
        } catch (PolicyBackendException e) {
            // Both are in force, which is safe; whoever asked for the other one tries again.
            LOG.atError().addKeyValue("error", e.getMessage()).log("former-policies-remain");
        }
        former.close();
    }

    /** Lets go of the backend; what is in the kernel stays in force. */
    @Override
    public void close() {
        backend.ifPresent(PolicyBackend::close);
    }
}
