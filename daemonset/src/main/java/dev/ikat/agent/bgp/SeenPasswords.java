package dev.ikat.agent.bgp;

import dev.ikat.bgp.Passwords;
import java.util.HashMap;
import java.util.Map;

/** Passwords as they were when they were first asked for, until it is told to forget that. Not thread-safe. */
final class SeenPasswords implements Passwords {
    private final Passwords source;
    private final Map<String, Entry> seen = new HashMap<>();

    SeenPasswords(Passwords source) {
        this.source = source;
    }

    @Override
    public Entry find(String key) {
        return seen.computeIfAbsent(key, source::find);
    }

    /** Whether any that was asked for is another by now. */
    boolean areOthers() {
        return seen.entrySet().stream().anyMatch(entry -> !entry.getValue().equals(source.find(entry.getKey())));
    }

    /** Has each read again when it is asked for. */
    void forget() {
        seen.clear();
    }
}
