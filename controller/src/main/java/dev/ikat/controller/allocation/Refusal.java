package dev.ikat.controller.allocation;

import java.util.Objects;

/**
 * Why a service has not got all the addresses that it wants.
 *
 * @param reason one word for programs
 * @param message a sentence for people: what is wrong, and what to do
 */
public record Refusal(Reason reason, String message) {
    public Refusal {
        Objects.requireNonNull(reason, "reason");
        Objects.requireNonNull(message, "message");
    }

    /** The kinds of reasons. */
    public enum Reason {
        /** Its annotations or its loadBalancerIP make no sense. */
        INVALID_REQUEST("InvalidRequest"),
        /** It asks for an address of no pool, or of another pool than it asks for. */
        NOT_IN_POOL("AddressNotInPool"),
        /** The address that it asks for is another service's. */
        IN_USE("AddressInUse"),
        /** It asks for a pool that is not in force. */
        UNKNOWN_POOL("UnknownPool"),
        /** The pool is not for this service, or no pool is. */
        NOT_PERMITTED("NoPoolPermits"),
        /** Every address is in use. */
        EXHAUSTED("PoolExhausted");

        private final String title;

        Reason(String title) {
            this.title = title;
        }

        /** What an event says for it. */
        public String title() {
            return title;
        }
    }
}
