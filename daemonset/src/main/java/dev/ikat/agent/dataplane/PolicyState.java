package dev.ikat.agent.dataplane;

import dev.ikat.agent.policy.PolicySettings.Backend;
import java.util.Locale;
import java.util.Optional;

/**
 * What enforces policies on this node.
 *
 * @param backend the backend that does, or that is to be the first that does
 * @param notInForce why it does not; empty if it does
 * @param refused which other backend was chosen and can't take its place, why, and what to do
 */
public record PolicyState(Backend backend, Optional<String> notInForce, Optional<String> refused) {
    /** A backend's name as its setting has it. */
    public static String name(Backend backend) {
        return backend.name().toLowerCase(Locale.ROOT);
    }
}
