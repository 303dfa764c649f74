package dev.ikat.agent.config;

import java.util.Locale;
import jnr.constants.platform.Signal;
import jnr.posix.POSIXFactory;

/**
 * A step of a CNI request at which the agent dies as if the kernel had killed it. Tests use it to show that the agent
 * may die at any moment.
 */
public record FaultPoint(String verb, String step) {
    /**
     * Parses {@code VERB:STEP}.
     *
     * @throws IllegalArgumentException if it is malformed
     */
    static FaultPoint parse(String text) {
        int colon = text.indexOf(':');
        if (colon < 1 || colon == text.length() - 1) {
            throw new IllegalArgumentException("'" + text + "' is invalid: write it as VERB:STEP, as in ADD:link");
        }
        return new FaultPoint(
                text.substring(0, colon).toUpperCase(Locale.ROOT),
                text.substring(colon + 1).toLowerCase(Locale.ROOT));
    }

    /** Kills this process if this is the step; after SIGKILL this method does not return. */
    public void reached(String reachedVerb, String reachedStep) {
        if (verb.equals(reachedVerb) && step.equals(reachedStep)) {
            var posix = POSIXFactory.getNativePOSIX();
            posix.kill(posix.getpid(), Signal.SIGKILL.intValue());
        }
    }
}
