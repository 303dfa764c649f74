package dev.ikat.agent.server;

import dev.ikat.cni.CniResponse;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The answer to a request, and what is to be done when all of it was sent, so that nobody waits for that.
 *
 * @param response the answer
 * @param sent gets the time since the request was begun with; from any thread
 */
public record Reply(CniResponse response, Consumer<Duration> sent) {
    /** An answer after which nothing is to be done. */
    public static Reply silent(CniResponse response) {
        return new Reply(response, _ -> {});
    }
}
