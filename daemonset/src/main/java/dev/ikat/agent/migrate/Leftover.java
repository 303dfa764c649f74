package dev.ikat.agent.migrate;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Objects that are removed together, or not at all.
 *
 * @param objects what they are, each a line
 * @param stays why this command does not remove them, and what to do; empty if it does
 */
public record Leftover(List<String> objects, Optional<String> stays, Removal removal) {
    /** Removes the objects; succeeds if they are already gone. */
    @FunctionalInterface
    public interface Removal {
        void run() throws IOException;
    }

    public Leftover {
        objects = List.copyOf(objects);
    }

    /** One object that can be removed. */
    static Leftover removable(String object, Removal removal) {
        return new Leftover(List.of(object), Optional.empty(), removal);
    }

    /** One object that pods use which the plugin has wired, and which still run. */
    static Leftover inUse(String object) {
        return staying(object, "the pods above use it; restart them, then run this again");
    }

    /** One object that has to stay for now, or that only another tool can remove. */
    static Leftover staying(String object, String why) {
        return new Leftover(List.of(object), Optional.of(why), () -> {});
    }
}
