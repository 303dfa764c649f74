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
        INVALID,
        /** A plugin is not installed, so that no pod starts. */
        PLUGIN_MISSING,
        /** A plugin that is chained only where it is installed is not, so that pods go without it. */
        PLUGIN_LEFT_OUT;

        /** Its name in metrics. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Whether pods start all the same, in Ikat's network. */
        boolean isHarmless() {
            return this == PLUGIN_LEFT_OUT;
        }
    }
}
