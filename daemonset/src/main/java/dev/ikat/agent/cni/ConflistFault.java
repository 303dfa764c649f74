package dev.ikat.agent.cni;

import java.util.Locale;

/**
 * Why pods do not get the network that the agent's network configuration describes.
 *
 * @param cause the kind of fault
 * @param text what is wrong, with what, and the command that mends it
 */
public record ConflistFault(Cause cause, String text) {
    /** The kinds of faults. */
    public enum Cause {
        /** A runtime reads another file before it. */
        READ_FIRST,
        /** A plugin's configuration that runtimes load with it can't be read, so that they load nothing. */
        INVALID;

        /** Its name in metrics. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
