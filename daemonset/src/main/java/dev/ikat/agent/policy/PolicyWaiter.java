package dev.ikat.agent.policy;

import dev.ikat.cni.CniError;
import dev.ikat.cni.CniException;
import dev.ikat.cni.PodPolicy;
import dev.ikat.policy.program.Endpoint;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An ADD that goes on when its pod's policy is in force. */
final class PolicyWaiter implements PodPolicy.Enforcement {
    /** What the kernel may take beyond the patience with labels. */
    private static final Duration KERNEL_LIMIT = Duration.ofSeconds(20);

    private final Endpoint endpoint;
    private final long deadline;
    private final Duration limit;
    private final CompletableFuture<Boolean> answer = new CompletableFuture<>();

    /**
     * @param deadline when it has waited long enough for labels, as {@link System#nanoTime} counts
     * @param patience how long that is
     */
    PolicyWaiter(Endpoint endpoint, long deadline, Duration patience) {
        this.endpoint = endpoint;
        this.deadline = deadline;
        this.limit = patience.plus(KERNEL_LIMIT);
    }

    Endpoint endpoint() {
        return endpoint;
    }

    /** When it has waited long enough for labels, as {@link System#nanoTime} counts. */
    long deadline() {
        return deadline;
    }

    boolean isAnswered() {
        return answer.isDone();
    }

    boolean done() {
        return answer.complete(true);
    }

    /** Lets it fail for a reason that passes. */
    boolean fail(String message, String details) {
        return answer.completeExceptionally(new CniException(CniError.TRY_AGAIN_LATER, message, details));
    }

    @Override
    public void await() {
        try {
            answer.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CniException expected) {
                throw expected;
            }
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new CniException(
                    CniError.TRY_AGAIN_LATER,
                    "the pod's policy is not in force after " + limit.toSeconds() + " s",
                    "the agent's log says what it is doing");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CniException(CniError.TRY_AGAIN_LATER, "the request was interrupted", "the agent is stopping");
        }
    }
}
